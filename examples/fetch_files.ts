/**
 * A fetch handler that serves the files of a folder, and other responses.
 *
 *     deno run --allow-net=127.0.0.1 --allow-read=static examples/fetch_files.ts [PORT]
 */
// deno-lint-ignore-file no-console

import { serve } from "@khttp/khttp/fetch";
import { serveDir } from "@khttp/khttp/static";

const files = serveDir("static", { prefix: "/files", listing: true });

serve({
  hostname: "127.0.0.1",
  port: Number(Deno.args[0] ?? 8080),
  onListen: ({ port }) => console.log(`Listening on http://127.0.0.1:${port}/`),
}, async (request) => {
  const { pathname } = new URL(request.url);
  if (!pathname.startsWith("/files/")) return new Response("Hello, World!");
  const response = await files.fetch(request);
  if (response.status !== 404) return response;
  return new Response("There is no such file", { status: 404 });
});
