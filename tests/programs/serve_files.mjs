/**
 * Serves a folder on the runtime that runs this, asks for the paths of the
 * command line, and prints the statuses and bodies as JSON, with what `fetch()`
 * gives and the errors of mistakes. Used by `tests/files/runtimes_test.ts`.
 */
// deno-lint-ignore-file no-console

import process from "node:process";
import { Server } from "../../mod.ts";
import { serveDir, serveFile } from "../../files/mod.ts";

const [folder = "", ...paths] = process.argv.slice(2);
const files = serveDir(folder, { listing: true });
const app = Server.builder("127.0.0.1:0");
app.get("/**", files);
const handle = app.build().serve();
const served = {};
for (const path of paths) {
  const response = await fetch(handle.url + path);
  served[path] = [response.status, await response.text()];
}
const made = await files.fetch(new Request(`http://a${paths[0]}`));
const mistakes = [
  () => serveDir(`${folder}/none`),
  () => serveDir(folder, { spa: "none" }),
  () => serveFile(folder),
].map((call) => {
  try {
    call();
    return "no error";
  } catch (error) {
    return error.message;
  }
});
console.log(JSON.stringify({ served, made: await made.text(), mistakes }));
await handle.shutdown();
process.exit();
