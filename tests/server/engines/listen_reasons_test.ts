/** What a server says about an address that it cannot listen on, in the same words on all engines and runtimes. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Server, type ServerHandle } from "../../../mod.ts";
import {
  listenFailure,
  maybeReason,
} from "../../../server/engines/listen_failure.ts";
import { testEngines } from "../../support/engines.ts";
import { registerTest } from "../../support/register.ts";

/** The error of a start that has to fail. */
function failureOf(start: () => ServerHandle): Error & { code?: unknown } {
  try {
    start().closeNow();
  } catch (error) {
    assert(error instanceof Error);
    return error;
  }
  throw new Error("The server listens");
}

testEngines(
  "a TCP address that cannot be bound is named with the reason and the remedy",
  async (engine) => {
    const build = (address: string): Server => Server.builder(address).build();
    await using taken = engine.start(build("127.0.0.1:0"));
    const cases = [
      [
        `127.0.0.1:${taken.port}`,
        "EADDRINUSE",
        "the port is in use (EADDRINUSE); end the program that listens there, or use another port",
      ],
      [
        "192.0.2.1:0",
        "EADDRNOTAVAIL",
        "this machine does not have the address (EADDRNOTAVAIL); use one of its own, such as 127.0.0.1, or 0.0.0.0 for all of them",
      ],
    ] as const;
    for (const [address, code, why] of cases) {
      const error = failureOf(() => engine.start(build(address)));
      assertEquals(error.message, `Cannot listen on ${address}: ${why}`);
      assertEquals(error.code, code);
    }
  },
);

testEngines(
  "a path that cannot be bound is named with the reason and the remedy",
  (engine) => {
    if (process.platform === "win32") return;
    const folder = mkdtempSync("/tmp/listen-");
    try {
      writeFileSync(`${folder}/file`, "");
      const long = `${folder}/${"x".repeat(120 - folder.length)}`;
      const cases = [
        [
          `${folder}/file`,
          /^the file exists \(EADDRINUSE\); remove it if no program listens there, or use another path$/,
        ],
        [
          `${folder}/none/a.sock`,
          /^its folder does not exist(?: \(ENOENT\); create it|, or permits no new files \(EACCES\); create it, or change its permissions)$/,
        ],
        [
          long,
          /^the path has 121 bytes, and may have 107 \(EINVAL\); use a shorter one$/,
        ],
      ] as const;
      for (const [path, why] of cases) {
        const server = Server.builder({ path }).build();
        const { message } = failureOf(() => engine.start(server));
        const begin = `Cannot listen on unix:${path}: `;
        assertStringIncludes(message, begin);
        assertMatch(message.slice(begin.length), why);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

testEngines("a host name without an address is named", (engine) => {
  const server = Server.builder("nowhere.invalid:80").build();
  const { message } = failureOf(() => engine.start(server));
  // Without a network, the system may say that it cannot look up names now.
  assertStringIncludes(message, "Cannot listen on nowhere.invalid:80: ");
});

registerTest({
  name:
    "listenFailure() explains each code, and returns an error of the runtime's class",
  ignore: false,
  fn: () => {
    const low = { transport: "tcp", hostname: "0.0.0.0", port: 80 } as const;
    const error = listenFailure(low, "EACCES");
    assertEquals(
      error.message,
      "Cannot listen on 0.0.0.0:80: ports below 1024 need a privilege (EACCES); use another port, or give the runtime the capability CAP_NET_BIND_SERVICE",
    );
    if (typeof Deno !== "undefined") {
      assert(error instanceof Deno.errors.PermissionDenied);
    }
    const high = { ...low, port: 8080 };
    assertEquals(
      maybeReason(high, "EACCES"),
      "the system does not permit it (EACCES)",
    );
    assertEquals(
      maybeReason(high, "ENOTFOUND"),
      "the host name has no address (ENOTFOUND); correct it, or use an IP address",
    );
    assertEquals(maybeReason(high, "ENOMEM"), null);
    assertEquals(
      listenFailure(high, "ENOMEM").message,
      "Cannot listen on 0.0.0.0:8080: ENOMEM",
    );
    const short = { transport: "unix", path: "/run/a.sock" } as const;
    assertEquals(maybeReason(short, "EINVAL"), null);
  },
});
