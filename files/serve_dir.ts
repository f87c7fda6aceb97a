/**
 * The handler for the files of a folder: it finds the file of a request, or
 * answers with a redirect, a list of files or an error. `send_file.ts` sends
 * what it found.
 */

import { Headers } from "../codec/headers.ts";
import { Status } from "../codec/status.ts";
import type { ResponseHandle } from "../server/response_handle.ts";
import { checkFileOptions, checkServedPath } from "./check_options.ts";
import { decodePath } from "./decode_path.ts";
import { type FileHandler, makeFileHandler } from "./file_handler.ts";
import { FileSender, type RequestPath } from "./file_sender.ts";
import { listFolder } from "./listing.ts";
import { FileRefusal, type OpenFile, statusOf } from "./open_file.ts";
import {
  type FolderSettings,
  resolveFolderOptions,
  type ServeDirOptions,
} from "./options.ts";
import { runHandler } from "./refuse.ts";
import { describeAccess } from "./registration_error.ts";
import { RootFolder } from "./root_folder.ts";
import {
  checkFetchPattern,
  checkRestPattern,
  PrefixCounter,
} from "./route_rest.ts";
import { IS_WINDOWS } from "./system.ts";
import type { FileRequest } from "./web_exchange.ts";

/**
 * Creates a handler that serves the files of a folder.
 *
 * The segments of the path that `**` of the route matched name the file. In a
 * fallback and in `fetch()`, where there is no route, the segments after the
 * `prefix` name it. Symbolic links are followed inside the folder only, and names
 * that begin with a dot are not found. What is not found gets the response of
 * `notFound()` or `fallbackRoute()` of the application, as a path without a route
 * does.
 *
 * @param root Path of the folder.
 * @param options Options that differ from the defaults.
 * @returns A handler for GET and HEAD. A route for it must end with `**`. Its
 * `fetch()` answers web requests.
 * @throws {TypeError} If `root` is not a folder or an option is not valid.
 * @throws {Deno.errors.NotFound | Deno.errors.NotCapable} If the folder, or the
 * file of `spa`, does not exist or may not be read.
 *
 * @example Files for `/assets/`, and hashed names that never change
 * ```ts ignore
 * import { Server } from "@khttp/khttp";
 * import { serveDir } from "@khttp/khttp/static";
 *
 * const app = Server.builder("127.0.0.1:0");
 * app.get("/assets/**", serveDir("public", {
 *   cacheControl: { "*-????????.*": "max-age=31536000, immutable" },
 * }));
 * ```
 */
export function serveDir(
  root: string,
  options: ServeDirOptions = {},
): FileHandler {
  checkServedPath("folder", root);
  checkFileOptions("serveDir", options);
  const settings = resolveFolderOptions(options);
  const folder = new FolderHandler(new RootFolder(root), settings);
  return makeFileHandler((ctx, res) => folder.handle(ctx, res), {
    route: checkRestPattern,
    fetch: (pattern) => checkFetchPattern(pattern, settings.prefix),
  });
}

/** One served folder with its settings. */
class FolderHandler {
  #root: RootFolder;
  #settings: FolderSettings;
  #sender: FileSender;
  #prefixes: PrefixCounter;

  constructor(root: RootFolder, settings: FolderSettings) {
    this.#root = root;
    this.#settings = settings;
    this.#sender = new FileSender(settings);
    this.#prefixes = new PrefixCounter(settings.prefix ?? "");
    if (settings.spa !== null) checkSpa(root, settings.spa);
  }

  /** Answers a request. */
  handle(ctx: FileRequest, res: ResponseHandle): void | Promise<void> {
    return runHandler(ctx, res, this.#settings, () => this.#answer(ctx, res));
  }

  #answer(ctx: FileRequest, res: ResponseHandle): void | Promise<void> {
    const skipped = this.#prefixes.count(ctx);
    if (skipped === null) throw new FileRefusal(Status.NOT_FOUND);
    const key: RequestPath = { path: ctx.uri.path, skipped };
    if (this.#sender.sendKept(ctx, res, key)) return;
    const path = decodePath(key.path, skipped, {
      allowDotfiles: this.#settings.dotfiles,
      isWindows: IS_WINDOWS,
    });
    if (path instanceof Status) {
      if (path !== Status.NOT_FOUND) throw new FileRefusal(path);
      return this.#answerMissing(ctx, res);
    }
    const { names, isFolder } = path;
    const found = this.#find(names);
    if (found === null) return this.#answerMissing(ctx, res);
    if (found.isFolder) {
      found.close();
      return isFolder
        ? this.#answerFolder(ctx, res, names, key)
        : redirectToFolder(ctx, res, this.#settings.headers);
    }
    if (!isFolder) return this.#send(ctx, res, names, found, key);
    found.close(); // a file has no path with a slash at the end
    return this.#answerMissing(ctx, res);
  }

  /** Opens a file or a folder; `null` if there is none. */
  #find(names: readonly string[]): OpenFile | null {
    try {
      return this.#root.open(names);
    } catch (error) {
      if (statusOf(error) === Status.NOT_FOUND) return null;
      throw error;
    }
  }

  /** Sends the index file, or a list. An index that may not be read is not replaced by a list. */
  #answerFolder(
    ctx: FileRequest,
    res: ResponseHandle,
    names: readonly string[],
    key: RequestPath,
  ): void | Promise<void> {
    const { index, listing } = this.#settings;
    for (const name of index) {
      const inner = [...names, name];
      const file = this.#find(inner);
      if (file !== null && !file.isFolder) {
        return this.#send(ctx, res, inner, file, key);
      }
      file?.close();
    }
    if (!listing) return this.#answerMissing(ctx, res);
    const { headers, dotfiles } = this.#settings;
    return listFolder(ctx, res, this.#root, names, { headers, dotfiles });
  }

  /**
   * Sends the page of the application to browsers that navigate.
   *
   * @throws {FileRefusal} For other clients, and without such a page.
   */
  #answerMissing(
    ctx: FileRequest,
    res: ResponseHandle,
  ): void | Promise<void> {
    const { spa } = this.#settings;
    if (spa === null) throw new FileRefusal(Status.NOT_FOUND);
    const file = isNavigation(ctx) ? this.#find(spa) : null;
    if (file !== null && !file.isFolder) {
      return this.#send(ctx, res, spa, file, null);
    }
    file?.close();
    throw new FileRefusal(Status.NOT_FOUND, SPA_VARY);
  }

  /** Sends a file. Without a key it is the page of the application, which other clients do not get for the path. */
  #send(
    ctx: FileRequest,
    res: ResponseHandle,
    names: readonly string[],
    file: OpenFile,
    key: RequestPath | null,
  ): void | Promise<void> {
    const vary = key === null ? SPA_VARY : null;
    const path = names.join("/").toWellFormed(); // the functions in the options receive it
    const found = { file, path, vary, key };
    return this.#sender.send(ctx, res, found, (extension) => {
      const last = names.at(-1) ?? "";
      return this.#root.open([...names.slice(0, -1), last + extension]);
    });
  }
}

/**
 * Checks that the page of an application can be sent. Without this check, every
 * navigation would get a 404 that does not say why.
 *
 * @throws {TypeError | Error} If it is not a file inside the folder that may be read.
 */
function checkSpa(root: RootFolder, names: readonly string[]): void {
  const path = root.pathOf(names);
  const what = `use spa ${JSON.stringify(names.join("/"))}`;
  try {
    using file = root.open(names);
    if (!file.isFolder) return;
  } catch (error) {
    if (error instanceof FileRefusal) {
      throw new TypeError(`Cannot ${what}: it is no file inside the folder`);
    }
    throw describeAccess(`${what}, ${JSON.stringify(path)}`, path, error);
  }
  throw new TypeError(`Cannot ${what}: ${JSON.stringify(path)} is a folder`);
}

/** The request fields that decide about the page of an application. */
const SPA_VARY = "Accept, Sec-Fetch-Mode";

/** Whether a browser navigates to the path, rather than fetching a script or an image. */
function isNavigation({ headers }: FileRequest): boolean {
  const mode = headers.get("sec-fetch-mode");
  if (mode !== null && mode !== "navigate") return false;
  const accept = headers.get("accept") ?? "";
  return /(?:^|,)[\t ]*text\/html[\t ]*(?:,|;(?![\t ]*q=0(?:\.0*)?[\t ]*(?:,|$))|$)/i
    .test(accept);
}

/**
 * Redirects to the path with a slash at the end, so that relative links of the
 * page work. A path that begins with two slashes would name another host; `/.`
 * before it keeps it a path (RFC 3986 §4.2, §5.2.4).
 */
function redirectToFolder(
  ctx: FileRequest,
  res: ResponseHandle,
  extra: Headers,
): void {
  const { path, query } = ctx.uri;
  const safe = path.startsWith("//") ? `/.${path}` : path;
  const location = `${safe}/${query === null ? "" : `?${query}`}`;
  const headers = new Headers(extra).add("location", location);
  res.send(Status.MOVED_PERMANENTLY, null, headers);
}
