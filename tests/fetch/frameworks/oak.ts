/** An application of Oak. */

import { Application, Router } from "npm:@oakserver/oak@14.1.0";
import type { FetchModule } from "../../../fetch/mod.ts";
import { describeForm, slowly } from "./pieces.ts";

const router = new Router();

router.get("/users/:id", ({ params, request, response }) => {
  response.body = { id: params.id, q: request.url.searchParams.get("q") };
});
router.post("/json", async ({ request, response }) => {
  response.status = 201;
  response.body = await request.body.json();
});
router.get("/text", ({ response }) => {
  response.headers.set("x-a", "b");
  response.body = "plain";
});
router.get("/html", ({ response }) => {
  response.body = "<p>é</p>";
});
router.get("/empty", ({ response }) => {
  response.status = 204;
});
router.get("/redirect", ({ response }) => {
  response.redirect("/text");
  response.status = 303;
});
router.get("/stream", ({ response }) => {
  response.type = "text/plain";
  response.body = slowly("a", "b", "c");
});
router.get("/sse", ({ response }) => {
  response.type = "text/event-stream"; // sendEvents() needs Oak's own server
  response.body = slowly("event: count\n", "data: one\n\n");
});
router.get("/cookies", async ({ cookies, response }) => {
  await cookies.set("seen", await cookies.get("name") ?? "nothing");
  await cookies.set("b", "2");
  response.body = "cookies";
});
router.post("/upload", async ({ request, response }) => {
  const form = await request.body.formData() as unknown as FormData; // its type is undici's
  response.body = await describeForm(form) as Record<string, unknown>;
});
router.get("/error", () => {
  throw new Error("on purpose");
});

const oak = new Application({ logErrors: false });
oak.use(async ({ response }, next) => {
  try {
    await next();
  } catch (error) {
    response.status = 500;
    response.body = { error: String(error) };
  }
});
oak.use(router.routes());
oak.use(router.allowedMethods());

/** Answers the requests of the test. */
export const app: FetchModule = {
  async fetch(request): Promise<Response> {
    // The types of the npm build are those of undici, and so are its responses:
    // Deno.serve() refuses them, and they are copied.
    const answer = await oak.fetch(request as never, {}, {} as never);
    const { status, statusText, headers } = answer;
    return new Response(answer.body as ReadableStream<Uint8Array> | null, {
      status,
      statusText,
      headers: [...headers],
    });
  },
};
