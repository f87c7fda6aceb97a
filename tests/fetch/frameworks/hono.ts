/** An application of Hono. */

import { Hono } from "npm:hono@4.13.19";
import { getCookie, setCookie } from "npm:hono@4.13.19/cookie";
import { etag } from "npm:hono@4.13.19/etag";
import { stream, streamSSE } from "npm:hono@4.13.19/streaming";
import { describeForm } from "./pieces.ts";

/** Answers the requests of the test. */
export const app: Hono = new Hono();

app.use("/tagged", etag());
app.get(
  "/users/:id",
  (c) => c.json({ id: c.req.param("id"), q: c.req.query("q") }),
);
app.post("/json", async (c) => c.json(await c.req.json(), 201));
app.get("/text", (c) => c.text("plain", 200, { "x-a": "b" }));
app.get("/html", (c) => c.html("<p>é</p>"));
app.get("/empty", (c) => c.body(null, 204));
app.get("/redirect", (c) => c.redirect("/text", 303));
app.get("/tagged", (c) => c.text("tagged"));
app.get("/stream", (c) =>
  stream(c, async (out) => {
    for (const piece of ["a", "b", "c"]) {
      await out.write(piece);
      await out.sleep(1);
    }
  }));
app.get("/sse", (c) =>
  streamSSE(c, async (out) => {
    await out.writeSSE({ data: "one", event: "count", id: "1" });
    await out.writeSSE({ data: "two\nlines" });
  }));
app.get("/cookies", (c) => {
  setCookie(c, "seen", getCookie(c, "name") ?? "nothing", { httpOnly: true });
  setCookie(c, "b", "2");
  return c.text("cookies");
});
app.post(
  "/upload",
  async (c) => c.json(await describeForm(await c.req.formData())),
);
app.get("/error", () => {
  throw new Error("on purpose");
});
app.onError((error, c) => c.json({ error: error.message }, 500));
