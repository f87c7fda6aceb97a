/**
 * A registry on this machine that holds one package, in JSR's format, so that
 * Deno loads and caches the package as it does for its users: with `JSR_URL`
 * set to {@linkcode LocalRegistry.url}.
 */

import { join } from "node:path";

/** A running registry. */
export interface LocalRegistry extends AsyncDisposable {
  /** The value for `JSR_URL`. */
  readonly url: string;
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, string>>;
}

/** A position in a source: line and column, from 0. */
type Position = readonly [line: number, column: number];

/** What Deno needs to know about a module before it reads it. */
interface ModuleInfo {
  readonly dependencies: unknown[];
  readonly selfTypesSpecifier?: unknown;
}

/** The paths of the files in a folder and its subfolders; each begins with a slash. */
async function pathsIn(folder: string, parent = ""): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder + parent)) {
    const path = `${parent}/${name}`;
    if (isDirectory) paths.push(...await pathsIn(folder, path));
    else paths.push(path);
  }
  return paths;
}

function positionAt(source: string, offset: number): Position {
  const lines = source.slice(0, offset).split("\n");
  return [lines.length - 1, lines.at(-1)?.length ?? 0];
}

/** Reads the imports of a module as the bundler writes them: one in a line. */
function moduleInfo(source: string): ModuleInfo {
  const rangeOf = (specifier: string, end: number): Position[] => [
    positionAt(source, end - specifier.length - 2), // with the quotes
    positionAt(source, end),
  ];
  const dependencies: unknown[] = [];
  for (
    const found of source.matchAll(/^(import|export)\b[^;]*? from "([^"]+)"/gm)
  ) {
    const [text, kind, specifier = ""] = found;
    const specifierRange = rangeOf(specifier, found.index + text.length);
    dependencies.push({ type: "static", kind, specifier, specifierRange });
  }
  for (const found of source.matchAll(/\bimport\("([^"]+)"/g)) {
    const [text, argument = ""] = found;
    const argumentRange = rangeOf(argument, found.index + text.length);
    dependencies.push({ type: "dynamic", argument, argumentRange });
  }
  const types = /^\/\* @ts-self-types="([^"]+)"/.exec(source);
  if (types === null) return { dependencies };
  const [text, specifier = ""] = types;
  return {
    dependencies,
    selfTypesSpecifier: {
      text: specifier,
      range: rangeOf(specifier, text.length),
    },
  };
}

/** The answers of the registry by path. */
async function answersFor(
  folder: string,
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const answers = new Map<string, Uint8Array<ArrayBuffer>>();
  const text = await Deno.readTextFile(join(folder, "deno.json"));
  const { name, version, exports }: Manifest = JSON.parse(text);
  const manifest: Record<string, unknown> = {};
  const moduleGraph2: Record<string, ModuleInfo> = {};
  for (const path of await pathsIn(folder)) {
    if (path === "/package.json") continue; // not published
    const bytes = await Deno.readFile(folder + path);
    const hash = await crypto.subtle.digest("SHA-256", bytes);
    const checksum = `sha256-${new Uint8Array(hash).toHex()}`;
    manifest[path] = { size: bytes.length, checksum };
    if (/\.[jt]s$/.test(path)) {
      moduleGraph2[path] = moduleInfo(new TextDecoder().decode(bytes));
    }
    answers.set(`/${name}/${version}${path}`, bytes);
  }
  const json = (value: unknown): Uint8Array<ArrayBuffer> =>
    new TextEncoder().encode(JSON.stringify(value));
  const [scope, bare] = name.slice(1).split("/");
  answers.set(
    `/${name}/meta.json`,
    json({ scope, name: bare, latest: version, versions: { [version]: {} } }),
  );
  answers.set(
    `/${name}/${version}_meta.json`,
    json({ manifest, moduleGraph2, exports }),
  );
  return answers;
}

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  js: "text/javascript",
  json: "application/json",
  ts: "text/typescript",
};

/** Serves the package in a folder, which is read once. */
export async function serveRegistry(folder: string): Promise<LocalRegistry> {
  const answers = await answersFor(folder);
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen(): void {} },
    ({ url }) => {
      const { pathname } = new URL(url);
      const bytes = answers.get(pathname);
      if (bytes === undefined) return new Response(null, { status: 404 });
      const extension = pathname.split(".").at(-1) ?? "";
      const type = MEDIA_TYPES[extension] ?? "text/plain";
      return new Response(bytes, { headers: { "content-type": type } });
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
