/** Files with sirv on `node:http`; it reads the list of files once, when it starts. */

import { createServer } from "node:http";
import { createRequire } from "node:module";

const [port, folder, packages] = process.argv.slice(2);
const sirv = createRequire(`${packages}/`)("sirv");
createServer(sirv(folder, { etag: true })).listen(Number(port), "127.0.0.1");
