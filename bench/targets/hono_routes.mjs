/** The routes of Hono's application, for each runtime. */
// deno-lint-ignore-file explicit-function-return-type -- plain JavaScript has no types

import {
  bytesOf,
  HELLO,
  LONG_FIELDS,
  numberArgument,
  parseSize,
  piecesOf,
  sumOf,
} from "./answers.mjs";

const BYTES = { "content-type": "application/octet-stream" };
const LONG = Object.fromEntries(LONG_FIELDS);

/** Answers the requests of all cases. */
export function addRoutes(app) {
  app.get("/", (c) => c.text(HELLO));
  app.get("/user/:id", (c) => c.text(c.req.param("id")));
  app.get("/json", (c) => c.json({ message: HELLO }));
  app.get("/headers", (c) => c.text(HELLO, 200, LONG));
  app.get("/search", (c) => {
    const { url } = c.req;
    return c.json({
      path: c.req.path,
      query: url.slice(url.indexOf("?") + 1),
      agent: c.req.header("user-agent"),
      language: c.req.header("accept-language"),
    });
  });
  app.get("/bytes/:n", (c) => {
    const size = parseSize(c.req.param("n"));
    return size === null
      ? c.body(null, 400)
      : c.body(bytesOf(size), 200, BYTES);
  });
  app.get("/chunked/:n", (c) => {
    const size = parseSize(c.req.param("n"));
    return size === null
      ? c.body(null, 400)
      : c.body(ReadableStream.from(piecesOf(size)), 200, BYTES);
  });
  app.post("/sum", async (c) => {
    const { values } = await c.req.json();
    return c.json({ sum: sumOf(values) });
  });
  app.post("/echo", async (c) => c.body(await c.req.arrayBuffer(), 200, BYTES));
  for (let index = 0; index < numberArgument("routes", 0); index++) {
    app.get(`/route${index}`, (c) => c.text(String(index)));
  }
  return app;
}
