/** An application of Elysia, which chains its calls. */

import { Elysia } from "npm:elysia@1.4.30";
import { describeForm, slowly } from "./pieces.ts";

const elysia = new Elysia({ sucrose: { gcTime: null } })
  .get("/users/:id", ({ params, query }) => ({ id: params.id, q: query.q }))
  .post("/json", ({ body, set }) => {
    set.status = 201;
    return body as Record<string, unknown>;
  })
  .get("/text", ({ set }) => {
    set.headers["x-a"] = "b";
    return "plain";
  })
  .get(
    "/html",
    () =>
      new Response("<p>é</p>", { headers: { "content-type": "text/html" } }),
  )
  .get("/empty", () => new Response(null, { status: 204 }))
  .get("/redirect", ({ redirect }) => redirect("http://example.org/text", 303))
  .get("/stream", () => new Response(slowly("a", "b", "c")))
  // Not a generator: Elysia makes a stream of strings of it, which Deno.serve() refuses.
  .get("/sse", () =>
    new Response(slowly("event: count\n", "data: one\n\n"), {
      headers: { "content-type": "text/event-stream" },
    }))
  .get("/cookies", ({ cookie }) => {
    cookie.seen!.set({ value: String(cookie.name?.value), httpOnly: true });
    cookie.b!.value = "2";
    return "cookies";
  })
  .post(
    "/upload",
    async ({ request }) => await describeForm(await request.formData()),
    {
      parse: "none",
    },
  )
  .get("/error", () => {
    throw new Error("on purpose");
  });

/** Answers the requests of the test. */
export const app: { fetch(request: Request): Response | Promise<Response> } = {
  fetch: (request) => elysia.fetch(request),
};
