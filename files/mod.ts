/**
 * Handlers that serve files: a folder, or one file.
 *
 * They answer conditional requests and ranges (RFC 9110 §13, §14), and serve
 * nothing from outside the folder. They need `--allow-read` for the folder.
 *
 * @example Serve a folder
 * ```ts ignore
 * import { Server } from "@khttp/khttp";
 * import { serveDir } from "@khttp/khttp/static";
 *
 * const app = Server.builder("127.0.0.1:8080");
 * app.get("/**", serveDir("public"));
 * await using handle = app.build().serve();
 * ```
 *
 * @module
 */

export { serveDir } from "./serve_dir.ts";
export { serveFile } from "./serve_file.ts";
export type { FileHandler } from "./file_handler.ts";
export type {
  CacheControl,
  FileCacheOptions,
  FileCompressionOptions,
  ServeDirOptions,
  ServeFileOptions,
} from "./options.ts";
