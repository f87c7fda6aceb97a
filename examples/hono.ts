/**
 * An application of Hono, unmodified, with the call that serves it. Any
 * framework whose application is a function from `Request` to `Response`, or an
 * object with `fetch()`, is served the same way.
 *
 *     deno run --allow-net=127.0.0.1 examples/hono.ts [PORT]
 */
// deno-lint-ignore-file no-console

import { serve } from "@khttp/khttp/fetch";
import { Hono } from "npm:hono@4.13.19";

const app = new Hono();

app.get("/", (c) => c.text("Hello, Hono!"));
app.get("/users/:id", (c) => c.json({ id: c.req.param("id") }));
app.post("/sum", async (c) => {
  const values: unknown = await c.req.json();
  if (!Array.isArray(values)) return c.text("Send a list of numbers", 400);
  return c.json({ sum: values.reduce((sum, value) => sum + Number(value), 0) });
});

serve({
  hostname: "127.0.0.1",
  port: Number(Deno.args[0] ?? 8080),
  onListen: ({ port }) => console.log(`Listening on http://127.0.0.1:${port}/`),
}, app);
