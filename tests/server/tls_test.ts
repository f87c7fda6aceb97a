/** Reading the certificate and the key of a TLS listener. */

import { assertMatch, assertThrows } from "@std/assert";
import { readTlsIdentity } from "../../server/tls.ts";

const fixtures = new URL("../fixtures/", import.meta.url);
const certFile = new URL("localhost.cert.pem", fixtures);

Deno.test("readTlsIdentity() rejects text that is not PEM, a missing file, and a key of another certificate", () => {
  assertThrows(
    () => readTlsIdentity({ cert: "x", key: "y" }),
    TypeError,
    "Cannot use TLS: the certificate is not PEM text",
  );
  const cert = Deno.readTextFileSync(certFile);
  assertThrows(
    () =>
      readTlsIdentity({
        cert,
        key: Deno.readTextFileSync(new URL("client.key.pem", fixtures)),
      }),
    TypeError,
    "Cannot use TLS: the key does not belong to the certificate",
  );
  assertThrows(
    () => readTlsIdentity({ cert, key: "-----BEGIN PRIVATE KEY-----" }),
    TypeError,
    "Cannot use TLS: the key cannot be read",
  );
  assertThrows(
    () => readTlsIdentity({} as never), // a type error, unless the caller casts
    TypeError,
    "Cannot use TLS: give cert and key, or certFile and keyFile",
  );
  assertThrows(
    () => readTlsIdentity({ certFile: "nowhere.pem", keyFile: "nowhere.pem" }),
    Deno.errors.NotFound,
  );
});

for (const value of [undefined, null, "cert.pem", 5]) {
  Deno.test(`readTlsIdentity() refuses ${typeof value} ${value} and says what to pass`, () => {
    for (const options of [value, { cert: 1, key: 2, certificates: {} }]) {
      const { message } = assertThrows(
        () => readTlsIdentity(options as never), // the wrong types are what is tested
        TypeError,
      );
      assertMatch(message, /^Cannot use TLS: .*certFile/);
    }
  });
}
