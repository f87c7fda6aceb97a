/** A folder of files to serve, with secrets beside it that must not be served. */

import type { TestServer } from "./serve.ts";
import { request } from "./serve.ts";
import type { RawResponse } from "./raw_client.ts";

/** The text of every file outside the folder. */
export const SECRET = "SECRET";

/** For tests that ask for names that are not UTF-8: a handler then keeps the C library open. */
export const KEEPS_LIBRARY = { sanitizeResources: false } as const;

/** A folder `site` in a temporary one. */
export class Site implements AsyncDisposable {
  /** The folder around it, with `secret.txt` and `site_sibling/secret.txt`. */
  readonly root: string;
  /** The folder to serve. */
  readonly path: string;

  private constructor(root: string) {
    this.root = root;
    this.path = `${root}/site`;
  }

  /** Makes the folder, with files of these names and texts; a name that ends with a slash is a folder. */
  static async make(files: Readonly<Record<string, string>>): Promise<Site> {
    const site = new Site(await Deno.realPath(await Deno.makeTempDir()));
    await Deno.mkdir(site.path);
    await Deno.mkdir(`${site.root}/site_sibling`);
    await Deno.writeTextFile(`${site.root}/secret.txt`, SECRET);
    await Deno.writeTextFile(`${site.root}/site_sibling/secret.txt`, SECRET);
    for (const [name, text] of Object.entries(files)) {
      await site.add(name, text);
    }
    return site;
  }

  /** Adds a file, or a folder if the name ends with a slash. */
  async add(name: string, text: string): Promise<void> {
    const path = `${this.path}/${name}`;
    const folder = path.slice(0, path.lastIndexOf("/"));
    await Deno.mkdir(folder, { recursive: true });
    if (!name.endsWith("/")) await Deno.writeTextFile(path, text);
  }

  /** Sets the date of a file, in seconds since 1970. */
  async setModified(name: string, seconds: number): Promise<void> {
    await Deno.utime(`${this.path}/${name}`, seconds, seconds);
  }

  /** How many files below it this process, or another, has open. Works on Linux only. */
  countOpen(pid: number | "self" = "self"): number {
    let count = 0;
    for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) {
      try {
        const target = Deno.readLinkSync(`/proc/${pid}/fd/${name}`);
        if (target.startsWith(`${this.path}/`)) count += 1;
      } catch {
        // It was closed meanwhile.
      }
    }
    return count;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.root, { recursive: true });
  }
}

/** Sends one request on a connection of its own and reads the response. */
export async function ask(
  server: Pick<TestServer, "connect">,
  line: string,
  fields = "",
): Promise<RawResponse> {
  using client = await server.connect();
  return await client.ask(request(line, fields));
}

/** The UTF-8 of a body. */
export function textOf({ body }: RawResponse): string {
  return new TextDecoder().decode(
    Uint8Array.from(body, (byte) => byte.charCodeAt(0)),
  );
}
