/** The handler for one file. */

import { Status } from "../codec/status.ts";
import type { Handler } from "../server/hooks.ts";
import { ContentHashes } from "./content_hash.ts";
import { FileRefusal, OpenFile } from "./open_file.ts";
import { resolveFileOptions, type ServeFileOptions } from "./options.ts";
import { runHandler } from "./refuse.ts";
import { selectFile } from "./select_file.ts";
import { type Selected, sendFile } from "./send_file.ts";

/**
 * Creates a handler that sends one file, whatever the path of the request. The
 * file is opened for each request, and symbolic links are followed.
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
  if (path === "") throw new TypeError("Cannot serve file: path is empty");
  const settings = resolveFileOptions(options);
  const hashes = new ContentHashes();
  const name = path.slice(path.search(/[^/\\]*$/));
  return (ctx, res) =>
    runHandler(ctx, res, settings, () => {
      const file = OpenFile.open(path);
      if (file.isFolder) {
        file.close();
        throw new FileRefusal(Status.NOT_FOUND);
      }
      const selected: Selected = settings.precompressed
        ? selectFile(ctx, name, file, (end) => OpenFile.open(path + end))
        : { file, path: name, coding: null, vary: null };
      return sendFile(ctx, res, selected, settings, hashes);
    });
}
