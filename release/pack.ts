// deno-lint-ignore-file no-console
/**
 * Writes the package that is published into a folder:
 *
 *     deno task pack [FOLDER]
 *
 * Without an argument, the folder is `.package`. An earlier package in it is
 * replaced; a folder with other files is refused.
 */

import { join, resolve } from "node:path";
import config from "../deno.json" with { type: "json" };
import { writePackage } from "./write_package.ts";

/** Removes an earlier package, whose parts may have had other names. */
async function removeEarlier(folder: string): Promise<void> {
  try {
    const text = await Deno.readTextFile(join(folder, "deno.json"));
    if (JSON.parse(text).name !== config.name) {
      throw new Error(
        `Cannot write ${folder}: it was not written by \`deno task pack\``,
      );
    }
    await Deno.remove(folder, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

const folder = resolve(Deno.args[0] ?? ".package");
await removeEarlier(folder);
await Deno.mkdir(folder); // fails if there are other files
await writePackage(folder);
console.log(`Wrote ${folder}`);
