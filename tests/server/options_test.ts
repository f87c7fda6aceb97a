/** The server options: defaults, and values that are rejected. */

import { assertEquals, assertThrows } from "@std/assert";
import { Server } from "../../mod.ts";
import {
  DEFAULT_SERVER_OPTIONS,
  resolveOptions,
} from "../../server/options.ts";

Deno.test("resolveOptions() adds the defaults and freezes the result", () => {
  const options = resolveOptions({ idleTimeout: 5 });
  assertEquals(options, { ...DEFAULT_SERVER_OPTIONS, idleTimeout: 5 });
  assertThrows(() => Object.assign(options, { idleTimeout: 6 }), TypeError);
});

const refused: readonly (readonly [string, unknown])[] = [
  ["idleTimeout", 0],
  ["idleTimeout", -1],
  ["idleTimeout", 1.5],
  ["idleTimeout", NaN],
  ["maxHeaderBytes", Infinity],
  ["drainTimeout", Infinity],
  ["maxMethodBytes", 2 ** 53],
];

for (const [name, value] of refused) {
  Deno.test(`resolveOptions() rejects ${value} for ${name}`, () => {
    assertThrows(() => resolveOptions({ [name]: value }), RangeError, name);
  });
}

Deno.test("resolveOptions() rejects a value of the wrong type", () => {
  for (const value of ["1000", null, true]) {
    assertThrows(
      () => resolveOptions({ idleTimeout: value as never }),
      TypeError,
    );
  }
  assertThrows(() => resolveOptions({ strictTarget: 1 as never }), TypeError);
});

Deno.test("resolveOptions() treats undefined as the default", () => {
  const given = { idleTimeout: undefined, drainBytes: 5 };
  assertEquals(resolveOptions(given), {
    ...DEFAULT_SERVER_OPTIONS,
    drainBytes: 5,
  });
  assertThrows(
    () => resolveOptions({ idleTimeuot: undefined } as never),
    TypeError,
    "idleTimeuot",
  );
});

for (const value of [null, 5, "idleTimeout", () => {}]) {
  Deno.test(`Server.builder() refuses ${typeof value} ${String(value)} as its options`, () => {
    assertThrows(
      () => Server.builder(0, value as never),
      TypeError,
      "not an object such as { idleTimeout: 60_000 }",
    );
  });
}

Deno.test("resolveOptions() rejects an unknown name", () => {
  for (const name of ["idleTimeoutMs", "toString", "acceptsHttps"]) {
    assertThrows(() => resolveOptions({ [name]: 1 }), TypeError, name);
  }
});

Deno.test("resolveOptions() accepts zero and Infinity where they have a meaning", () => {
  const { drainBytes, maxBodyBytes, writeTimeout } = resolveOptions({
    drainBytes: 0,
    maxBodyBytes: Infinity,
    writeTimeout: Infinity,
  });
  assertEquals([drainBytes, maxBodyBytes, writeTimeout], [
    0,
    Infinity,
    Infinity,
  ]);
});

Deno.test("maxRequestHeadSize() raises maxHeaderBytes but never lowers it", () => {
  const app = Server.builder("127.0.0.1:0");
  const sizes = [20_000, 100].map((bytes) => {
    const { options } = app.maxRequestHeadSize(bytes).build();
    return [options.maxRequestHeadSize, options.maxHeaderBytes];
  });
  assertEquals(sizes, [[20_000, 20_000], [100, 20_000]]);
});
