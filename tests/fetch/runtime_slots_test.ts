/** Fails when a version of the runtime keeps the parts of its web objects elsewhere. */

import { assert, assertEquals } from "@std/assert";
import {
  findHeadersSlots,
  findRequestKeys,
  findRequestSlots,
  findResponseSlots,
} from "../../fetch/runtime_slots.ts";

Deno.test("the slots of Request, Headers and Response are where the adapter looks", () => {
  // These throw with the reason. The adapter would silently use the public interface.
  const { sample: _, ...keys } = findRequestKeys();
  const { InnerBody, ...slots } = findRequestSlots();
  assertEquals(slots, keys);
  assertEquals(typeof InnerBody, "function");
  findHeadersSlots();
  findResponseSlots();
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

Deno.test("a runtime whose slots act differently gets real requests, also after lazy ones", async () => {
  const code = `
    import { toFetch, toHandler } from "./fetch/mod.ts";
    import { Server } from "./server/mod.ts";
    const app = Server.builder("127.0.0.1:0");
    app.fallbackRoute(toHandler(async (request) => {
      if (request.method === "GET") return new Response(request.url);
      const copy = new Request(request.clone(), { headers: { a: "b" } });
      const { headers } = request;
      return Response.json([await copy.text(), copy.headers.get("a"), headers.get("c"), await request.text(), request.url.at(-1)]);
    }));
    const { fetch: ask } = toFetch(app.build());
    const init = { method: "POST", body: "d", headers: { c: "e" } };
    const answers = [await (await ask(new Request("http://a/f"))).text()];
    const { get } = Object.getOwnPropertyDescriptor(Request.prototype, "url");
    Object.defineProperty(Request.prototype, "url", { get() { return get.call(this) + "!"; } });
    answers.push(await (await ask(new Request("http://a/f", init))).json());
    answers.push(await (await ask(new Request("http://a/f", init))).json());
    console.log(JSON.stringify(answers));
  `;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", code],
    cwd: new URL("../../", import.meta.url),
  }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  const answer = ["d", "b", "e", "d", "!"]; // the runtime's own `url` adds the mark
  const answers = JSON.parse(new TextDecoder().decode(stdout));
  assertEquals(answers, ["http://a/f", answer, answer]);
});
