/** The handler for one file. */

import { Status } from "../codec/status.ts";
import type { Handler } from "../server/hooks.ts";
import { checkFileOptions } from "./check_options.ts";
import { FileSender, type RequestPath } from "./file_sender.ts";
import { FileRefusal, OpenFile } from "./open_file.ts";
import { resolveFileOptions, type ServeFileOptions } from "./options.ts";
import { runHandler } from "./refuse.ts";

/**
 * Creates a handler that sends one file, whatever the path of the request. The
 * file may be replaced while the server runs, and symbolic links are followed.
 *
 * @param path Path of the file. A file that does not exist gets 404.
 * @param options Options that differ from the defaults.
 * @returns A handler for GET and HEAD.
 * @throws {TypeError} If the path is empty or an option is not valid.
 *
 * @example The icon of a site
 * ```ts
 * import { Server } from "@khttp/khttp";
 * import { serveFile } from "@khttp/khttp/static";
 *
 * const app = Server.builder("127.0.0.1:0");
 * app.get("/favicon.ico", serveFile("public/icons/favicon.ico"));
 * ```
 */
export function serveFile(
  path: string,
  options: ServeFileOptions = {},
): Handler {
  if (typeof path !== "string" || path === "") {
    throw new TypeError("Cannot serve file: path is empty or not a string");
  }
  checkFileOptions("serveFile", options);
  const settings = resolveFileOptions(options);
  const sender = new FileSender(settings);
  const name = path.slice(path.search(/[^/\\]*$/));
  return (ctx, res) =>
    runHandler(ctx, res, settings, () => {
      if (sender.sendKept(ctx, res, ANY_PATH)) return;
      const file = OpenFile.open(path);
      if (file.isFolder) {
        file.close();
        throw new FileRefusal(Status.NOT_FOUND);
      }
      const found = { file, path: name, vary: null, key: ANY_PATH };
      const open = (extension: string) => OpenFile.open(path + extension);
      return sender.send(ctx, res, found, open);
    });
}

/** What is kept is the same for all paths. */
const ANY_PATH: RequestPath = { path: "/", skipped: 0 };
