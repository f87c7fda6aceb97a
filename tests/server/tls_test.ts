/** Reading the certificate and the key of a TLS listener: what is refused, in the same words on all runtimes. */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { readTlsIdentity, type TlsOptions } from "../../server/tls.ts";
import { registerTest } from "../support/register.ts";

function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}.pem`, import.meta.url));
}

const certFile = fixture("localhost.cert");
const keyFile = fixture("localhost.key");
const cert = readFileSync(certFile, "utf8");
const key = readFileSync(keyFile, "utf8");
const otherKey = readFileSync(fixture("client.key"), "utf8");

/** Makes a private key that a passphrase protects. */
function encryptedKey(): string {
  const { privateKey } = generateKeyPairSync("ec", {
    namedCurve: "prime256v1",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: {
      ...{ type: "pkcs8", format: "pem" },
      ...{ cipher: "aes-256-cbc", passphrase: "secret" },
    },
  });
  return privateKey;
}

const ENCRYPTED =
  'is encrypted, and there is no option for its passphrase; decrypt it with "openssl pkey -in encrypted.pem -out key.pem"';

const texts: readonly {
  readonly name: string;
  readonly options: unknown;
  readonly why: string;
}[] = [
  {
    name: "text that is not PEM",
    options: { cert: "x", key: "y" },
    why:
      "the certificate is not PEM text, which begins with -----BEGIN; read the file first, or give its path to tls() as certFile or keyFile",
  },
  {
    name: "a key of another certificate",
    options: { cert, key: otherKey },
    why: "the key does not belong to the certificate",
  },
  {
    name: "a key that is cut off",
    options: { cert, key: "-----BEGIN PRIVATE KEY-----" },
    why: "the key cannot be parsed",
  },
  {
    name: "a key where the certificate should be",
    options: { cert: key, key: cert },
    why: "the certificate contains no CERTIFICATE, but PRIVATE KEY",
  },
  {
    name: "a key with a passphrase",
    options: { cert, key: encryptedKey() },
    why: `the key ${ENCRYPTED}`,
  },
  {
    name: "no certificate",
    options: {},
    why: "give cert and key, or certFile and keyFile",
  },
  {
    name: "a certificate without its key",
    options: { certFile },
    why: "give cert and key, or certFile and keyFile",
  },
  {
    name: "a number as path",
    options: { certFile: 5, keyFile },
    why: "certFile is number, not a path",
  },
  {
    name: "a key of another certificate for a name",
    options: {
      cert,
      key,
      certificates: { "b.example": { cert, key: otherKey } },
    },
    why:
      'the key in certificates["b.example"] does not belong to the certificate in certificates["b.example"]',
  },
];

for (const { name, options, why } of texts) {
  registerTest({
    name: `readTlsIdentity() refuses ${name}`,
    ignore: false,
    fn: () => {
      const { message } = assertThrows(
        () => readTlsIdentity(options as TlsOptions), // some have wrong types
        TypeError,
      );
      assertEquals(message, `Cannot use TLS: ${why}`);
    },
  });
}

/** Calls `use` with a folder, which is removed afterwards. */
function withFolder(use: (folder: string) => void): void {
  const folder = mkdtempSync(`${tmpdir()}/tls-`);
  try {
    use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function thrownBy(options: TlsOptions): Error & { readonly code?: unknown } {
  return assertThrows(() => readTlsIdentity(options), Error);
}

registerTest({
  name:
    "readTlsIdentity() says which file does not exist, and has the system's code",
  ignore: false,
  fn: () =>
    withFolder((folder) => {
      const path = `${folder}/nowhere.pem`;
      const why =
        "it does not exist; a relative path begins at the working directory of the process";
      const cases: [TlsOptions, string][] = [
        [{ certFile: path, keyFile }, `certFile ${JSON.stringify(path)}`],
        [{ certFile, keyFile: path }, `keyFile ${JSON.stringify(path)}`],
        [
          {
            cert,
            key,
            certificates: { "*.b.example": { certFile: path, keyFile } },
          },
          `certFile ${JSON.stringify(path)} in certificates["*.b.example"]`,
        ],
      ];
      for (const [options, file] of cases) {
        const error = thrownBy(options);
        assertEquals(error.message, `Cannot use TLS with ${file}: ${why}`);
        assertEquals(error.code, "ENOENT");
        if (typeof Deno === "undefined") continue;
        assert(error instanceof Deno.errors.NotFound);
      }
    }),
});

registerTest({
  name:
    "readTlsIdentity() names the file that is a folder, no PEM text, or of another certificate",
  ignore: false,
  fn: () =>
    withFolder((folder) => {
      const text = `${folder}/text.pem`;
      writeFileSync(text, "not PEM");
      const locked = `${folder}/locked.pem`;
      writeFileSync(locked, encryptedKey());
      const other = fixture("client.key");
      const quoted = JSON.stringify;
      const cases: [TlsOptions, string][] = [
        [
          { certFile: folder, keyFile },
          `certFile ${quoted(folder)} is a folder; name the file in it`,
        ],
        [
          { certFile, keyFile: text },
          `keyFile ${
            quoted(text)
          } is not PEM text, which begins with -----BEGIN; convert it with openssl`,
        ],
        [
          { certFile: keyFile, keyFile },
          `certFile ${
            quoted(keyFile)
          } contains no CERTIFICATE, but PRIVATE KEY`,
        ],
        [
          { certFile, keyFile: locked },
          `keyFile ${quoted(locked)} ${ENCRYPTED}`,
        ],
        [
          { certFile, keyFile: other },
          `keyFile ${quoted(other)} does not belong to certFile ${
            quoted(certFile)
          }`,
        ],
      ];
      for (const [options, why] of cases) {
        assertEquals(thrownBy(options).message, `Cannot use TLS: ${why}`);
      }
    }),
});

for (const value of [undefined, null, "cert.pem", 5]) {
  registerTest({
    name:
      `readTlsIdentity() refuses ${typeof value} ${value} and says what to pass`,
    ignore: false,
    fn: () => {
      for (const options of [value, { cert: 1, key: 2, certificates: {} }]) {
        const { message } = assertThrows(
          () => readTlsIdentity(options as never), // the wrong types are what is tested
          TypeError,
        );
        assertMatch(message, /^Cannot use TLS: .*certFile/);
      }
    },
  });
}
