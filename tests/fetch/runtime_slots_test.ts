/** Fails when a version of the runtime keeps the parts of its web objects elsewhere. */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import {
  findHeadersSlots,
  findRequestSlots,
  findResponseSlots,
  HEADERS_SLOTS,
  REQUEST_SLOTS,
  RESPONSE_SLOTS,
} from "../../fetch/runtime_slots.ts";

Deno.test("the slots of Request, Headers and Response are where the adapter looks", () => {
  // These throw with the reason; the constants below only say `null`.
  findRequestSlots();
  findHeadersSlots();
  findResponseSlots();
  assertNotEquals(REQUEST_SLOTS, null);
  assertNotEquals(HEADERS_SLOTS, null);
  assertNotEquals(RESPONSE_SLOTS, null);
});

Deno.test("looking for slots changes nothing global", () => {
  const before = [Request, Headers, Response].map(({ prototype }) =>
    Reflect.ownKeys(prototype).map((key) =>
      Object.getOwnPropertyDescriptor(prototype, key)
    )
  );
  findRequestSlots();
  findHeadersSlots();
  findResponseSlots();
  const after = [Request, Headers, Response].map(({ prototype }) =>
    Reflect.ownKeys(prototype).map((key) =>
      Object.getOwnPropertyDescriptor(prototype, key)
    )
  );
  assertEquals(after, before);
});

Deno.test("loading the entry changes nothing global", async () => {
  const code = `
    const classes = [Request, Response, Headers, ReadableStream, Blob, FormData, AbortSignal];
    const objects = [...classes, ...classes.map(({ prototype }) => prototype)];
    const keys = () => [fetch, Request, Response, Headers, ReadableStream,
      ...objects.flatMap((object) => Reflect.ownKeys(object).flatMap((key) => {
        const { value, get, set } = Object.getOwnPropertyDescriptor(object, key);
        return [value, get, set];
      }))];
    const before = keys();
    await import("./fetch/mod.ts");
    const after = keys();
    console.log(before.length === after.length && before.every((value, at) => Object.is(value, after[at])));
  `;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", code],
    cwd: new URL("../../", import.meta.url),
  }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  assert(new TextDecoder().decode(stdout).trim() === "true");
});
