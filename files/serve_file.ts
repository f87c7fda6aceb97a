/** The handler for one file. */

import { Status } from "../codec/status.ts";
import { checkFileOptions, checkServedPath } from "./check_options.ts";
import { type FileHandler, makeFileHandler } from "./file_handler.ts";
import { FileSender, type RequestPath } from "./file_sender.ts";
import { FileRefusal, OpenFile, statusOf } from "./open_file.ts";
import { resolveFileOptions, type ServeFileOptions } from "./options.ts";
import { runHandler } from "./refuse.ts";
import { describeAccess } from "./registration_error.ts";

/**
 * Creates a handler that sends one file, whatever the path of the request. The
 * file may be replaced while the server runs, and symbolic links are followed.
 *
 * @param path Path of the file. While it does not exist, requests get 404.
 * @param options Options that differ from the defaults.
 * @returns A handler for GET and HEAD. Its `fetch()` answers web requests.
 * @throws {TypeError} If the path is empty or leads to something other than a
 * file, or an option is not valid.
 * @throws {Deno.errors.NotCapable | Deno.errors.PermissionDenied} If the file may
 * not be read.
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
): FileHandler {
  checkServedPath("file", path);
  checkFileOptions("serveFile", options);
  checkAccess(path);
  const settings = resolveFileOptions(options);
  const sender = new FileSender(settings);
  const name = path.slice(path.search(/[^/\\]*$/));
  return makeFileHandler((ctx, res) =>
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
    })
  );
}

/**
 * Rejects a path that cannot be sent, such as a folder. A file that does not exist
 * is allowed, since it may be created later.
 */
function checkAccess(path: string): void {
  const what = `serve file ${JSON.stringify(path)}`;
  try {
    using file = OpenFile.open(path);
    if (!file.isFolder) return;
  } catch (error) {
    if (statusOf(error) === Status.NOT_FOUND) {
      if (!path.endsWith("/")) return;
      throw new TypeError(
        `Cannot ${what}: it ends with a slash, which only the path of a folder may do`,
      );
    }
    if (error instanceof FileRefusal) {
      throw new TypeError(`Cannot ${what}: it is not a regular file`);
    }
    throw describeAccess(what, path, error);
  }
  throw new TypeError(
    `Cannot ${what}: it is a folder; serveDir() serves the files of a folder`,
  );
}

/** What is kept is the same for all paths. */
const ANY_PATH: RequestPath = { path: "/", skipped: 0 };
