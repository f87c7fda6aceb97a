/**
 * The page that lists the files of a folder. It works without scripts: the links
 * of the columns sort it, by `?sort=name`, `size` or `date`, and `&order=desc`.
 */

import { promises } from "node:fs";
import { Headers } from "../codec/headers.ts";
import type { ResponseHandle } from "../server/response_handle.ts";
import { segmentOfName } from "./byte_names.ts";
import { isHidden } from "./decode_path.ts";
import { LISTING_STYLE } from "./listing_style.ts";
import type { RootFolder } from "./root_folder.ts";
import type { FileRequest } from "./web_exchange.ts";

/** How many entries are examined at the same time. */
const BATCH = 32;

/** What decides about the page, besides its folder. */
export interface ListingSettings {
  readonly headers: Headers;
  /** Whether names that begin with a dot are listed. */
  readonly dotfiles: boolean;
}

interface Entry {
  readonly name: string;
  readonly isFolder: boolean;
  readonly size: number;
  /** In ms since 1970; 0 if it is not known. */
  readonly modifiedMs: number;
  /** Whether the entry can be opened by its name. */
  readonly isReachable: boolean;
}

const COLUMNS = ["name", "size", "date"] as const;
type Column = typeof COLUMNS[number];

interface Order {
  readonly column: Column;
  readonly isDescending: boolean;
}

/** Sends the list of a folder. */
export async function listFolder(
  ctx: FileRequest,
  res: ResponseHandle,
  root: RootFolder,
  names: readonly string[],
  { headers: extra, dotfiles }: ListingSettings,
): Promise<void> {
  const { query } = ctx;
  const order: Order = {
    column: COLUMNS.find((name) => name === query.get("sort")) ?? "name",
    isDescending: query.get("order") === "desc",
  };
  const entries = await readEntries(root, names, dotfiles);
  const isRoot = names.length === 0;
  const headers = new Headers(extra)
    .add("content-type", "text/html; charset=utf-8")
    .add("cache-control", "no-cache")
    .add("x-content-type-options", "nosniff")
    .add(
      "content-security-policy",
      "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
    );
  res.ok(
    renderPage(
      ["", ...names, ""].join("/").toWellFormed(),
      isRoot,
      entries,
      order,
    ),
    headers,
  );
}

/** Reads the entries that are served: no pipes, devices and links that lead out of the folder. */
async function readEntries(
  root: RootFolder,
  names: readonly string[],
  dotfiles: boolean,
): Promise<Entry[]> {
  const isFirst = names.length === 0;
  const listed = (await root.list(names)).filter((name) =>
    dotfiles || !isHidden(name, isFirst)
  );
  const entries: (Entry | null)[] = [];
  for (let at = 0; at < listed.length; at += BATCH) {
    const batch = listed.slice(at, at + BATCH);
    entries.push(
      ...await Promise.all(
        batch.map((name) => readEntry(root, [...names, name], name)),
      ),
    );
  }
  return entries.filter((entry) => entry !== null);
}

/**
 * Reads one entry; `null` if it is not served. A name that the runtime cannot
 * open is listed without a link, and so is a name with a backslash, which is
 * refused.
 */
async function readEntry(
  root: RootFolder,
  names: readonly string[],
  name: string,
): Promise<Entry | null> {
  try {
    const info = await readInfo(root, names);
    if (info === null) return null;
    return { name, ...info, isReachable: !name.includes("\\") };
  } catch {
    // It was removed meanwhile, cannot be read, or is a link to nothing.
    return name.includes("\ufffd")
      ? { name, isFolder: false, size: 0, modifiedMs: 0, isReachable: false }
      : null;
  }
}

async function readInfo(
  root: RootFolder,
  names: readonly string[],
): Promise<Pick<Entry, "isFolder" | "size" | "modifiedMs"> | null> {
  const path = root.pathOf(names);
  const info = path.isWellFormed() ? await promises.lstat(path) : null;
  if (info === null || info.isSymbolicLink()) {
    using file = root.open(names);
    const { isFolder, size, mtimeMs: modifiedMs } = file;
    return { isFolder, size, modifiedMs };
  }
  const isFolder = info.isDirectory();
  if (!info.isFile() && !isFolder) return null;
  return { isFolder, size: info.size, modifiedMs: info.mtimeMs };
}

/** Folders come first; entries that are equal are sorted by name. */
function compareEntries(a: Entry, b: Entry, order: Order): number {
  if (a.isFolder !== b.isFolder) return a.isFolder ? -1 : 1;
  const byName = a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
  const difference = order.column === "name"
    ? byName
    : order.column === "size"
    ? a.size - b.size
    : a.modifiedMs - b.modifiedMs;
  return (order.isDescending ? -difference : difference) || byName;
}

function renderPage(
  path: string,
  isRoot: boolean,
  entries: readonly Entry[],
  order: Order,
): string {
  const rows = entries.toSorted((a, b) => compareEntries(a, b, order))
    .map(renderRow);
  const parent = isRoot
    ? ""
    : `<tr><td class="name"><a href="../">../</a></td><td></td><td></td></tr>\n`;
  const empty = rows.length === 0
    ? `<tr><td colspan="3">No files</td></tr>\n`
    : "";
  const title = `Index of ${escapeHtml(path)}`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${LISTING_STYLE}</style>
</head>
<body>
<h1>${title}</h1>
<table>
<thead><tr>${
    COLUMNS.map((column) => renderHeading(column, order)).join("")
  }</tr></thead>
<tbody>
${parent}${rows.join("")}${empty}</tbody>
</table>
</body>
</html>
`;
}

function renderHeading(column: Column, order: Order): string {
  const isCurrent = order.column === column;
  const next = isCurrent && !order.isDescending ? "desc" : "asc";
  const state = order.isDescending ? "descending" : "ascending";
  const arrow = !isCurrent ? "" : order.isDescending ? " ↓" : " ↑";
  const label = `${column[0]?.toUpperCase()}${column.slice(1)}${arrow}`;
  return `<th class="${column}" scope="col"${
    isCurrent ? ` aria-sort="${state}"` : ""
  }><a href="?sort=${column}&amp;order=${next}">${label}</a></th>`;
}

function renderRow(entry: Entry): string {
  const { name, isFolder, size, modifiedMs, isReachable } = entry;
  const mark = isFolder ? "/" : "";
  const text = escapeHtml(name.toWellFormed() + mark);
  // `./` keeps a name with a colon from being read as a scheme.
  const href = `./${escapeHtml(segmentOfName(name))}${mark}`;
  const label = isReachable ? `<a href="${href}">${text}</a>` : text;
  return `<tr><td class="name">${label}</td><td class="size">${
    isFolder || !isReachable ? "" : formatSize(size)
  }</td><td class="date">${formatDate(modifiedMs)}</td></tr>\n`;
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

function formatSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

/** The last date that is shown. Later years have more digits, and a `Date` cannot hold those after 275760. */
const LAST_LISTED_MS = Date.UTC(9999, 11, 31);

/** Formats the time of a file, in ms since 1970; empty if there is none to show. Deno gives `NaN` for a time that no date has. */
export function formatDate(ms: number): string {
  if (!(ms > 0 && ms <= LAST_LISTED_MS)) return "";
  const iso = new Date(ms).toISOString();
  return `<time datetime="${iso}">${iso.slice(0, 10)} ${
    iso.slice(11, 16)
  }</time>`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
