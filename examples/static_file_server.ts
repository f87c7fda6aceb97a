/**
 * Serves the files of a folder: `index.html` or a list of files for a folder,
 * types, ranges and conditional requests, and nothing from outside the folder.
 *
 *     deno run --allow-net=127.0.0.1 --allow-read=DIR \
 *       examples/static_file_server.ts [DIR] [OPTIONS]
 *
 * `--help` lists the options. `--host` needs `--allow-net` for that address, and
 * `--tls` needs `--allow-read` for its files.
 */
// deno-lint-ignore-file no-console

import { parseArgs } from "node:util";
import { Server, type ServerHandle } from "@khttp/khttp";
import { type FileHandler, serveDir } from "@khttp/khttp/static";

const USAGE = `Usage: static_file_server.ts [DIR] [OPTIONS]

Serves the files of DIR, or of the working directory.

  -p, --port PORT        Port to listen on (8080); 0 for any free one
  -b, --host ADDRESS     Address to listen on (127.0.0.1)
      --cors             Let pages of other origins read the files
      --listing          List the files of folders without an index.html
      --spa              Send index.html to browsers for paths without a file
      --cache SECONDS    Let clients keep files for this time
      --tls CERT,KEY     Serve HTTPS with these PEM files
  -h, --help             Print this help`;

const { values, positionals } = readArguments();
if (values.help) {
  console.log(USAGE);
  Deno.exit();
}
const { port, host, cache, tls } = values;
const [directory = "."] = positionals;

const app = Server.builder({ hostname: host, port: Number(port) });
const cors = {
  "access-control-allow-origin": "*",
  "access-control-expose-headers": "content-range, etag",
};
// For this route, the library answers HEAD, OPTIONS and 405 itself.
app.get("/**", openFolder());
const handle = listen();
const stop = (): void => void handle.shutdown({ deadline: 10_000 });
Deno.addSignalListener("SIGINT", stop);
if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", stop);
console.log(`Serving ${directory} on ${handle.url}/`);
await handle.finished;
Deno.exit();

function listen(): ServerHandle {
  try {
    if (tls !== undefined) {
      const [certFile = "", keyFile = ""] = tls.split(",");
      app.tls({ certFile, keyFile });
    }
    return app.build().serve();
  } catch (error) {
    return fail(error);
  }
}

function openFolder(): FileHandler {
  try {
    return serveDir(directory, {
      listing: values.listing,
      cacheControl: cache === undefined ? "no-cache" : `max-age=${cache}`,
      headers: values.cors ? cors : {},
      ...(values.spa ? { spa: "index.html" } : {}),
    });
  } catch (error) {
    return fail(error);
  }
}

function fail(error: unknown): never {
  console.error(error instanceof Error ? error.message : error);
  Deno.exit(1);
}

// deno-lint-ignore explicit-function-return-type -- the type follows from the options
function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        port: { type: "string", short: "p", default: "8080" },
        host: { type: "string", short: "b", default: "127.0.0.1" },
        cors: { type: "boolean", default: false },
        listing: { type: "boolean", default: false },
        spa: { type: "boolean", default: false },
        cache: { type: "string" },
        tls: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    if (positionals.length > 1) throw new TypeError("Cannot serve two folders");
    if (!/^[0-9]+$/.test(values.port) || Number(values.port) > 65_535) {
      throw new TypeError("--port needs a number from 0 to 65535");
    }
    if (!/^[0-9]+$/.test(values.cache ?? "0")) {
      throw new TypeError("--cache needs a number of seconds");
    }
    if (!/^[^,]+,[^,]+$/.test(values.tls ?? "cert,key")) {
      throw new TypeError("--tls needs two files: CERT,KEY");
    }
    return { values, positionals };
  } catch (error) {
    console.error(
      `${error instanceof Error ? error.message : error}\n\n${USAGE}`,
    );
    Deno.exit(2);
  }
}
