/**
 * Serves the files of a folder like `python -m http.server`: `index.html` or a
 * directory listing for a folder, media types by file name, and ranges for players
 * and resumed downloads. It reads only that folder: a symbolic link that leads out
 * of it is refused.
 *
 *     deno run --allow-net=127.0.0.1 --allow-read=DIRECTORY \
 *       examples/static_file_server.ts [DIRECTORY] [--port PORT] [--bind ADDRESS]
 *
 * The defaults are the working directory, 8080 and 127.0.0.1. Give `--allow-net`
 * another ADDRESS too. Files whose names begin with a dot are served like any others.
 */
// deno-lint-ignore-file no-console

import mime from "npm:mime@4.1.0";
import { parseArgs } from "node:util";
import {
  Headers,
  type RequestContext,
  type ResponseHandle,
  Server,
  Status,
} from "@khttp/khttp";
import { formatHttpDate, parseHttpDate } from "@khttp/khttp/codec";

const USAGE = "Usage: static_file_server.ts [DIRECTORY] [-p PORT] [-b ADDRESS]";

/** Bytes of a file that each response keeps in memory. */
const PIECE_BYTES = 65_536;

const IS_WINDOWS = Deno.build.os === "windows";

/** Characters that would change the meaning of a path inside a file name; Windows has more of them. */
const NOT_IN_NAME = IS_WINDOWS ? /[/\\:\0]/ : /[/\0]/;

const { directory, address } = readArguments();
const root = await Deno.realPath(directory);
/** The prefix of every path inside the folder; `/` and `C:\` already end with a separator. */
const inside = /[/\\]$/.test(root) ? root : root + (IS_WINDOWS ? "\\" : "/");

const app = Server.builder(address);

// For this route, the library answers HEAD, OPTIONS and 405 itself.
app.get("/**", async (ctx, res) => {
  try {
    await answer(ctx, res);
  } catch (error) {
    const status = statusOf(error);
    if (status === null || res.isSent) throw error;
    res.send(status, `${status.code} ${status.reason}\n`);
  }
});

const handle = app.build().serve();
const stop = (): void => void handle.shutdown({ deadline: 10_000 });
Deno.addSignalListener("SIGINT", stop);
if (!IS_WINDOWS) Deno.addSignalListener("SIGTERM", stop);
console.log(`Serving ${root} on ${handle.url}/`);
await handle.finished;
Deno.exit();

function readArguments(): {
  directory: string;
  address: { hostname: string; port: number };
} {
  try {
    const { values, positionals } = parseArgs({
      args: Deno.args,
      allowPositionals: true,
      options: {
        port: { type: "string", short: "p", default: "8080" },
        bind: { type: "string", short: "b", default: "127.0.0.1" },
      },
    });
    const [directory = ".", ...more] = positionals;
    if (more.length > 0) throw new TypeError("Cannot serve two folders");
    if (!/^[0-9]+$/.test(values.port)) throw new TypeError("Bad port");
    const address = { hostname: values.bind, port: Number(values.port) };
    return { directory, address };
  } catch (error) {
    console.error(
      `${error instanceof Error ? error.message : error}\n${USAGE}`,
    );
    Deno.exit(2);
  }
}

/** Sends a file, a listing, or a redirect to the folder's own path; throws errors of the file system. */
async function answer(
  ctx: RequestContext,
  res: ResponseHandle,
): Promise<void> {
  const { path, query } = ctx.uri;
  const names = decodePath(path);
  const found = await find(names);
  const isFolderPath = path.endsWith("/");
  if (!found.info.isDirectory) {
    if (isFolderPath) throw new Deno.errors.NotFound("A file is not a folder");
    return await sendFile(ctx, res, found);
  }
  if (!isFolderPath) {
    // The path as sent. It cannot begin with `//`, since empty names are refused.
    const location = `${path}/${query === null ? "" : `?${query}`}`;
    return res.send(301, null, { location });
  }
  const index = await findIndex(names);
  if (index !== null) return await sendFile(ctx, res, index);
  const list = await listFolder(found.path, names);
  res.ok(list, { "content-type": "text/html; charset=utf-8" });
}

/** Decodes the names along a path, each once. Anything but a plain file name is not found. */
function decodePath(path: string): string[] {
  const segments = path.split("/").slice(1);
  if (segments.at(-1) === "") segments.pop(); // the `/` after a folder's name
  return segments.map((segment) => {
    const name = decodeURIComponent(segment);
    const isName = !["", ".", ".."].includes(name) && !NOT_IN_NAME.test(name);
    if (isName) return name;
    throw new Deno.errors.NotFound("Not a file name");
  });
}

interface Found {
  readonly path: string;
  readonly info: Deno.FileInfo;
}

/** Finds a file or folder; follows symbolic links inside the served folder only. */
async function find(names: readonly string[]): Promise<Found> {
  const real = await Deno.realPath([directory, ...names].join("/"));
  if (real !== root && !real.startsWith(inside)) {
    throw new Deno.errors.PermissionDenied("A link leads out of the folder");
  }
  // This path has no symbolic links, and starts with the name that has the permission.
  const path = `${directory}/${real.slice(inside.length)}`;
  const info = await Deno.stat(path);
  if (info.isFile || info.isDirectory) return { path, info };
  // Opening a pipe would wait for its writer, and reading a device may never end.
  throw new Deno.errors.PermissionDenied("Neither a file nor a folder");
}

async function findIndex(names: readonly string[]): Promise<Found | null> {
  try {
    const found = await find([...names, "index.html"]);
    return found.info.isFile ? found : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error; // an unreadable index is not replaced by a listing
  }
}

/** The status for an error of the file system, or `null` for any other error. */
function statusOf(error: unknown): Status | null {
  const { NotFound, NotADirectory, FilesystemLoop } = Deno.errors;
  const { PermissionDenied, NotCapable } = Deno.errors;
  if (
    error instanceof NotFound || error instanceof NotADirectory ||
    error instanceof FilesystemLoop || isTooLong(error)
  ) return Status.NOT_FOUND;
  if (error instanceof PermissionDenied || error instanceof NotCapable) {
    return Status.FORBIDDEN;
  }
  return error instanceof URIError ? Status.BAD_REQUEST : null;
}

function isTooLong(error: unknown): boolean {
  return error instanceof Error && "code" in error &&
    error.code === "ENAMETOOLONG";
}

/** Sends a file, a range of it, or the status that its preconditions require. */
async function sendFile(
  ctx: RequestContext,
  res: ResponseHandle,
  { path, info }: Found,
): Promise<void> {
  const { size } = info;
  const nowMs = Date.now();
  // A date in the future is not a valid validator (RFC 9110 §8.8.2.1).
  const modifiedMs = Math.min(info.mtime?.getTime() ?? nowMs, nowMs);
  const modified = Math.floor(modifiedMs / 1000);
  const headers = new Headers({
    "last-modified": formatHttpDate(modified),
    "accept-ranges": "bytes",
    "x-content-type-options": "nosniff",
  });
  const status = checkPreconditions(ctx.headers, modified);
  if (status !== Status.OK) return res.send(status, null, headers);

  const isWanted = ctx.method === "GET" && mayTakePart(ctx.headers, modified);
  const range = (isWanted ? ctx.headers.get("range") : null) ?? "";
  const part = parseRange(range, size);
  if (part === null) {
    headers.add("content-range", `bytes */${size}`);
    return res.send(Status.RANGE_NOT_SATISFIABLE, null, headers);
  }
  const [start, end] = part;
  const isPart = end - start < size;
  if (isPart) headers.add("content-range", `bytes ${start}-${end - 1}/${size}`);
  headers.add("content-length", `${end - start}`);
  headers.add("content-type", mediaType(path));
  if (ctx.method === "HEAD") return res.ok(null, headers);
  const body = await openPart(path, start, end);
  res.send(isPart ? Status.PARTIAL_CONTENT : Status.OK, body, headers);
}

/** Checks the preconditions in the RFC's order (RFC 9110 §13.2.2). There are no entity tags, so only `*` matches. */
function checkPreconditions(headers: Headers, modified: number): Status {
  const dateOf = (name: string): number | undefined =>
    parseHttpDate(headers.get(name) ?? "", Date.now() / 1000);
  const match = headers.get("if-match");
  const unmodified = match === null ? dateOf("if-unmodified-since") : undefined;
  if (
    (match !== null && match !== "*") ||
    (unmodified !== undefined && modified > unmodified)
  ) return Status.PRECONDITION_FAILED;
  const noneMatch = headers.get("if-none-match");
  const since = noneMatch === null ? dateOf("if-modified-since") : undefined;
  if (noneMatch === "*" || (since !== undefined && modified <= since)) {
    return Status.NOT_MODIFIED;
  }
  return Status.OK;
}

/**
 * Whether `If-Range` allows a range. A date is a strong validator only once its
 * second is over (RFC 9110 §8.8.2.2, §13.1.5).
 */
function mayTakePart(headers: Headers, modified: number): boolean {
  const condition = headers.get("if-range");
  if (condition === null) return true;
  return condition === formatHttpDate(modified) &&
    modified + 1 <= Math.floor(Date.now() / 1000);
}

/**
 * Parses one range; its end is exclusive. Returns the whole file for an invalid
 * or multiple range, and `null` for one that starts after the end (RFC 9110
 * §14.1.2). An empty file has no first byte, but a client that requests a range
 * from there wants all of it, so it gets the file as if without a range (RFC
 * 9110 §14.2 allows that).
 */
function parseRange(
  text: string,
  size: number,
): readonly [start: number, end: number] | null {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/i.exec(text) ?? [];
  if (first === "") {
    if (last === "") return [0, size];
    const length = Number(last);
    return length === 0 ? null : [Math.max(0, size - length), size];
  }
  const start = Number(first);
  const end = last === "" ? size : Math.min(size, Number(last) + 1);
  if (last !== "" && Number(last) < start) return [0, size];
  if (start === 0 && size === 0) return [0, 0];
  return start < size ? [start, end] : null;
}

/** Streams a range of a file: at most as many bytes as were declared, even if the file grows. */
async function openPart(
  path: string,
  start: number,
  end: number,
): Promise<ReadableStream<Uint8Array>> {
  const file = await Deno.open(path);
  try {
    await file.seek(start, Deno.SeekMode.Start);
  } catch (error) {
    file.close();
    throw error;
  }
  const buffer = new Uint8Array(PIECE_BYTES); // a piece is sent before the next is read
  let left = end - start;
  return new ReadableStream({
    async pull(controller): Promise<void> {
      const wanted = buffer.subarray(0, Math.min(left, buffer.length));
      let count: number | null = null;
      try {
        if (left > 0) count = await file.read(wanted);
      } finally {
        if (count === null) file.close(); // at the end, or after a failed read
      }
      if (count === null) return controller.close();
      left -= count;
      controller.enqueue(buffer.subarray(0, count));
    },
    cancel(): void {
      file.close();
    },
  }, { highWaterMark: 0 });
}

function mediaType(path: string): string {
  const [extension] = /\.[^./\\]+$/.exec(path) ?? [""];
  const type = mime.getType(extension) ?? "application/octet-stream";
  return type.startsWith("text/") ? `${type}; charset=utf-8` : type;
}

/** Returns a page with a link to each entry of a folder. */
async function listFolder(
  path: string,
  names: readonly string[],
): Promise<string> {
  const entries = await Array.fromAsync(Deno.readDir(path));
  entries.sort((a, b) => a.name < b.name ? -1 : 1);
  const items = entries.map(
    async ({ name, isDirectory, isFile, isSymlink }) => {
      if (!isDirectory && !isFile && !isSymlink) return ""; // not served
      const mark = isDirectory ? "/" : isSymlink ? "@" : "";
      const text = `${escapeHtml(name)}${mark}`;
      if (!await isReachable(path, name)) return `<li>${text}\n`;
      // The encoding leaves no `:`, which would turn the name into a scheme.
      const href = encodeURIComponent(name) + (isDirectory ? "/" : "");
      return `<li><a href="${escapeHtml(href)}">${text}</a>\n`;
    },
  );
  const shown = escapeHtml(["", ...names, ""].join("/"));
  const title = `Directory listing for ${shown}`;
  return `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>${title}</title>
<h1>${title}</h1>
<ul>
${(await Promise.all(items)).join("")}</ul>
`;
}

/** Whether an entry can be opened by its name: the runtime replaces bytes that are not UTF-8 by U+FFFD. */
async function isReachable(path: string, name: string): Promise<boolean> {
  if (!name.includes("\ufffd")) return true;
  try {
    await Deno.lstat(`${path}/${name}`);
    return true;
  } catch {
    return false; // the page shows the name without a link
  }
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
