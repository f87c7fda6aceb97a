/** An application of itty-router. */

import {
  AutoRouter,
  error,
  html,
  status,
  withCookies,
} from "npm:itty-router@5.0.24";
import type { IRequest } from "npm:itty-router@5.0.24";
import { describeForm, slowly } from "./pieces.ts";

const router = AutoRouter({ before: [withCookies] });

router.get(
  "/users/:id",
  ({ params, query }) => ({ id: params.id, q: query.q }),
);
router.post(
  "/json",
  async (request) => Response.json(await request.json(), { status: 201 }),
);
router.get("/text", () => new Response("plain", { headers: { "x-a": "b" } }));
router.get("/html", () => html("<p>é</p>"));
router.get("/empty", () => status(204));
router.get(
  "/redirect",
  ({ url }) => Response.redirect(new URL("/text", url), 303),
);
router.get("/stream", () => new Response(slowly("a", "b", "c")));
router.get(
  "/sse",
  () =>
    new Response(slowly("event: count\n", "data: one\n\n"), {
      headers: { "content-type": "text/event-stream" },
    }),
);
router.get("/cookies", ({ cookies }) => {
  const response = new Response("cookies");
  response.headers.append("set-cookie", `seen=${cookies["name"]}; HttpOnly`);
  response.headers.append("set-cookie", "b=2");
  return response;
});
router.post(
  "/upload",
  async (request: IRequest) => describeForm(await request.formData()),
);
router.get("/error", () => error(500, "on purpose"));
router.get("/throw", () => {
  throw new Error("on purpose");
});

/** Answers the requests of the test. */
export const app: { fetch(request: Request): Promise<Response> } = {
  fetch: (request) => router.fetch(request),
};
