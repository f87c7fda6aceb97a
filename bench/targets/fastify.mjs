/**
 * Fastify on Node. The package is outside the repository, in the folder that
 * `FASTIFY_FOLDER` names, and is loaded from there. JSON responses have schemas,
 * as Fastify's guide recommends.
 */
// deno-lint-ignore-file explicit-function-return-type -- plain JavaScript has no types

import { createRequire } from "node:module";
import process from "node:process";
import { Readable } from "node:stream";
import {
  bytesOf,
  HELLO,
  LONG_FIELDS,
  numberArgument,
  parseSize,
  piecesOf,
} from "./answers.mjs";

const require = createRequire(`${process.env.FASTIFY_FOLDER}/`);
const app = require("fastify")();

const LONG = Object.fromEntries(LONG_FIELDS);
const BYTES = "application/octet-stream";

/** The schema of an object with string properties. */
function textFields(...names) {
  const text = { type: "string" };
  const properties = Object.fromEntries(names.map((name) => [name, text]));
  return { schema: { response: { 200: { type: "object", properties } } } };
}

function sized(reply, text, give) {
  const size = parseSize(text);
  return size === null ? reply.code(400).send() : give(size);
}

app.addContentTypeParser(
  BYTES,
  { parseAs: "buffer" },
  (_request, body, done) => done(null, body),
);
app.get("/", (_, reply) => reply.type("text/plain").send(HELLO));
app.get(
  "/user/:id",
  ({ params }, reply) => reply.type("text/plain").send(params.id),
);
app.get(
  "/json",
  textFields("message"),
  (_, reply) => reply.send({ message: HELLO }),
);
app.get(
  "/headers",
  (_, reply) => reply.headers(LONG).type("text/plain").send(HELLO),
);
app.get(
  "/search",
  textFields("path", "query", "agent", "language"),
  ({ url, headers }, reply) => {
    const mark = url.indexOf("?");
    reply.send({
      path: url.slice(0, mark),
      query: url.slice(mark + 1),
      agent: headers["user-agent"],
      language: headers["accept-language"],
    });
  },
);
app.get(
  "/bytes/:n",
  ({ params }, reply) =>
    sized(reply, params.n, (size) => reply.type(BYTES).send(bytesOf(size))),
);
app.get("/chunked/:n", ({ params }, reply) =>
  sized(reply, params.n, (size) => {
    const source = Readable.from(piecesOf(size), { objectMode: false });
    return reply.type(BYTES).send(source);
  }));
app.post("/echo", ({ body }, reply) => reply.type(BYTES).send(body));
for (let index = 0; index < numberArgument("routes", 0); index++) {
  const text = String(index);
  app.get(
    `/route${index}`,
    (_, reply) => reply.type("text/plain").send(text),
  );
}
await app.listen({ host: "127.0.0.1", port: numberArgument("port", 8080) });
