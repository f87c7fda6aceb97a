/** The options of `serveDir` and `serveFile`, checked and with their defaults. */

import { Headers, type HeadersInit } from "../codec/headers.ts";
import {
  checkExtraFields,
  checkMediaTypes,
  checkResult,
  checkRule,
} from "./check_options.ts";
import { compileGlob } from "./glob.ts";
import { MediaTypes } from "./media_types.ts";
import { resolvePrefix } from "./route_rest.ts";

/**
 * The value of `Cache-Control`: one for all files; values by pattern, of which
 * the first that matches is used; or a function, which returns `null` for no
 * field. In a pattern, `*` and `?` match no slash, `**` matches any path, `{a,*.b}`
 * matches one of several, and a pattern without a slash is compared with the last
 * name of the path.
 */
export type CacheControl =
  | string
  | Readonly<Record<string, string>>
  | ((path: string) => string | null);

/** How much the small files that are kept in memory may take, and how soon a change is seen. */
export interface FileCacheOptions {
  /**
   * How much memory the kept files may take, in bytes. The largest file that is
   * kept has 64 KiB.
   *
   * @default {16_777_216}
   */
  readonly maxBytes?: number;
  /**
   * For how long a file is sent again without a look at the folder, in ms. With 0,
   * each request looks, and only the reading is saved.
   *
   * @default {1000}
   */
  readonly checkEveryMs?: number;
}

/** Which files are compressed while they are sent, and how many at the same time. */
export interface FileCompressionOptions {
  /**
   * The smallest file that is compressed, in bytes.
   *
   * @default {1024}
   */
  readonly minBytes?: number;
  /**
   * How many responses may be compressed at the same time. A request beyond that
   * gets the file as it is.
   *
   * @default {4}
   */
  readonly maxConcurrent?: number;
}

/** Options that both handlers have. */
export interface ServeFileOptions {
  /**
   * `Cache-Control` of files. A function gets the path inside the folder, such as
   * `assets/app.js`, or the name of the file.
   *
   * @default {no field}
   */
  readonly cacheControl?: CacheControl;
  /**
   * The entity tag: `"weak"` is made of size and date; `"strong"` is a hash of the
   * content, which is read once for each version of a file; `false` sends none.
   * `If-Match` and `If-Range` need a strong one.
   *
   * @default {"weak"}
   */
  readonly etag?: "weak" | "strong" | false;
  /**
   * Whether `.br`, `.zst` and `.gz` files beside a file are sent instead of it to
   * clients that accept the coding.
   *
   * @default {false}
   */
  readonly precompressed?: boolean;
  /**
   * Whether files of types that can be compressed, such as text and JSON, are
   * compressed with Brotli or gzip for clients that accept it, where no
   * precompressed file is sent. Requests for a range get the file as it is. It
   * takes far more CPU time than precompressed files: each piece of 64 KiB blocks
   * the thread for a few milliseconds. Small files are compressed once and kept.
   *
   * @default {false}
   */
  readonly compress?: boolean | FileCompressionOptions;
  /**
   * How small files are kept in memory; `false` reads a file for each request. A
   * change of a file, or of a link that leads to it, is seen after `checkEveryMs`
   * at the latest.
   *
   * @default {{ maxBytes: 16_777_216, checkEveryMs: 1000 }}
   */
  readonly cache?: FileCacheOptions | false;
  /**
   * Whether clients save files instead of showing them. A function returns the
   * name for a path inside the folder, or `null` to show it.
   *
   * @default {false}
   */
  readonly download?: boolean | ((path: string) => string | null);
  /**
   * Media types by file extension, which replace those of the built-in table.
   * Text needs its charset: `{ txt: "text/plain; charset=utf-8" }`.
   *
   * @default {none}
   */
  readonly mediaTypes?: Readonly<Record<string, string>>;
  /**
   * More fields of each response of the handler. Fields that depend on the file
   * or have their own option, such as `ETag` and `Cache-Control`, are refused.
   *
   * @default {none}
   */
  readonly headers?: HeadersInit;
}

/** Options of `serveDir`. */
export interface ServeDirOptions extends ServeFileOptions {
  /**
   * The part of the path before the name of the file, such as `/assets`. It is
   * used where there is no route: in `fetch()` and in a fallback. Paths that do not
   * begin with it are not found.
   *
   * @default {none}
   */
  readonly prefix?: string;
  /**
   * Names of files that are sent for a folder; the first that exists is used.
   *
   * @default {["index.html"]}
   */
  readonly index?: readonly string[];
  /**
   * Whether a folder without an index file is answered with a list of its files.
   *
   * @default {false}
   */
  readonly listing?: boolean;
  /**
   * A file inside the folder that is sent when nothing has the path of the request
   * and a browser navigates there, for applications that route in the browser. A
   * browser that fetches a missing script still gets 404. The file must exist when
   * the handler is created.
   *
   * @default {none}
   */
  readonly spa?: string;
  /**
   * Whether names that begin with a dot are served. `.well-known` at the beginning
   * of the path always is.
   *
   * @default {false}
   */
  readonly dotfiles?: boolean;
}

/** How much is kept, and for how long. */
export interface CacheSettings {
  /** 0 keeps nothing. */
  readonly maxBytes: number;
  readonly checkEveryMs: number;
}

/** What is compressed while it is sent. */
export interface CompressionSettings {
  readonly minBytes: number;
  /** 0 compresses nothing. */
  readonly maxConcurrent: number;
}

const DEFAULT_COMPRESSION: CompressionSettings = {
  minBytes: 1024,
  maxConcurrent: 4,
};

const DEFAULT_CACHE: CacheSettings = {
  maxBytes: 16_777_216,
  checkEveryMs: 1000,
};

/** The resolved options of both handlers. */
export interface FileSettings {
  readonly cacheControl: (path: string) => string | null;
  readonly etag: "weak" | "strong" | false;
  readonly precompressed: boolean;
  readonly cache: CacheSettings;
  readonly compress: CompressionSettings;
  readonly download: (path: string) => string | null;
  readonly mediaTypes: MediaTypes;
  readonly headers: Headers;
}

/** The resolved options of `serveDir`. */
export interface FolderSettings extends FileSettings {
  /** Without a slash at the end; empty for "/", `null` for none. */
  readonly prefix: string | null;
  readonly index: readonly string[];
  readonly listing: boolean;
  readonly spa: readonly string[] | null;
  readonly dotfiles: boolean;
}

/**
 * Resolves the options of a file.
 *
 * @throws {TypeError} If a value of `Cache-Control`, a media type or a header is
 * not valid.
 * @throws {RangeError} If a number of `cache` or `compress` is negative or not a number.
 */
export function resolveFileOptions(options: ServeFileOptions): FileSettings {
  const { etag = "weak", precompressed = false, download = false } = options;
  const { mediaTypes = {} } = options;
  checkMediaTypes(mediaTypes);
  const headers = new Headers(options.headers);
  checkExtraFields(headers);
  return {
    cacheControl: resolveCacheControl(options.cacheControl),
    etag,
    precompressed,
    cache: resolveCache(options.cache ?? {}),
    compress: resolveCompression(options.compress ?? false),
    download: typeof download === "function"
      ? checkResult("download", download)
      : (path) => download ? path.slice(path.lastIndexOf("/") + 1) : null,
    mediaTypes: new MediaTypes(mediaTypes),
    headers,
  };
}

/**
 * Resolves the options of a folder.
 *
 * @throws {TypeError} As {@linkcode resolveFileOptions}, and if an index file or
 * the file of `spa` is not named by a path inside the folder.
 */
export function resolveFolderOptions(options: ServeDirOptions): FolderSettings {
  const { index = ["index.html"], spa } = options;
  for (const name of index) {
    if (!name.includes("/") && isInside(name)) continue;
    throw new TypeError(
      `Cannot use index ${
        JSON.stringify(name)
      }: it must be the name of a file, such as "index.html"`,
    );
  }
  return {
    ...resolveFileOptions(options),
    prefix: resolvePrefix(options.prefix),
    index: [...index],
    listing: options.listing ?? false,
    spa: spa === undefined ? null : spaNames(spa),
    dotfiles: options.dotfiles ?? false,
  };
}

function resolveCache(options: FileCacheOptions | false): CacheSettings {
  if (options === false) return { maxBytes: 0, checkEveryMs: 0 };
  const settings = { ...DEFAULT_CACHE, ...options };
  checkNumber("cache.maxBytes", settings.maxBytes, "cache: false");
  checkNumber("cache.checkEveryMs", settings.checkEveryMs, "cache: false");
  return settings;
}

function resolveCompression(
  options: FileCompressionOptions | boolean,
): CompressionSettings {
  if (options === false) return { minBytes: 0, maxConcurrent: 0 };
  const settings = {
    ...DEFAULT_COMPRESSION,
    ...(options === true ? {} : options),
  };
  const { minBytes, maxConcurrent } = settings;
  checkNumber("compress.minBytes", minBytes, "compress: false");
  checkNumber("compress.maxConcurrent", maxConcurrent, "compress: false");
  return settings;
}

/** @throws {RangeError} If a number of an option is negative or not a number. */
function checkNumber(name: string, value: number, off: string): void {
  if (value >= 0) return;
  throw new RangeError(
    `Cannot set ${name} to ${value}: it must be 0 or more; \`${off}\` switches it off`,
  );
}

/** Whether a path with `/` between its names leads to a file inside the folder. */
function isInside(path: string): boolean {
  return path.split("/")
    .every((name) => !/^(?:\.{0,2})$|[\\\0]/.test(name));
}

function spaNames(path: string): readonly string[] {
  if (isInside(path)) return path.split("/");
  throw new TypeError(
    `Cannot use spa ${
      JSON.stringify(path)
    }: it must be a path inside the folder, such as "index.html"`,
  );
}

function resolveCacheControl(
  option: CacheControl | undefined,
): (path: string) => string | null {
  if (option === undefined) return () => null;
  if (typeof option === "function") return checkResult("cacheControl", option);
  if (typeof option === "string") {
    new Headers({ "cache-control": option }); // throws if it is not valid
    return () => option;
  }
  const rules = Object.entries(option).map(([pattern, value]) => {
    checkRule(pattern, value);
    return [compileGlob(pattern), value] as const;
  });
  return (path) => rules.find(([matches]) => matches(path))?.[1] ?? null;
}
