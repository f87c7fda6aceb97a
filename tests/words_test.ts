/**
 * Checks the project's word list: these words do not occur in any source file
 * or page. A quotation of an RFC may contain "octet" if it is written on one
 * line as “RFC 9112: …”; so may the media type octet-stream.
 */

import { assertEquals } from "@std/assert";

const root = new URL("../", import.meta.url);
const SELF = "tests/words_test.ts";
const FORBIDDEN = [
  "whoever",
  "those who",
  "somebody",
  "nobody",
  "who waits",
  "anew",
  "\\w*octet\\w*",
];
const FORBIDDEN_WORD = new RegExp(`\\b(?:${FORBIDDEN.join("|")})\\b`, "i");
const ALLOWED = /“RFC [0-9]{4}: [^”]*”|octet-stream/g;

/** Finds the lines of a file that contain a forbidden word. */
function findWords(path: string, text: string): string[] {
  return text.split("\n").flatMap((line, index) => {
    const word = FORBIDDEN_WORD.exec(line.replaceAll(ALLOWED, ""))?.[0];
    return word === undefined ? [] : [`${path}:${index + 1}: ${word}`];
  });
}

/** Finds the forbidden words in all source files and pages below a folder. */
async function findWordsBelow(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (
    const { name, isDirectory } of Deno.readDir(new URL(folder, root))
  ) {
    const path = `${folder}${name}`;
    if (isDirectory && !name.startsWith(".")) {
      found.push(...await findWordsBelow(`${path}/`));
    } else if (/\.(?:ts|md)$/.test(name) && path !== SELF) {
      found.push(
        ...findWords(path, await Deno.readTextFile(new URL(path, root))),
      );
    }
  }
  return found;
}

Deno.test("no source file or page contains a forbidden word", async () => {
  assertEquals(await findWordsBelow(""), []);
});

Deno.test("the word list finds a word, but not in an RFC quotation or a media type", () => {
  assertEquals(findWords("a.ts", "\n// Eight Octets"), ["a.ts:2: Octets"]);
  assertEquals(findWords("a.ts", "eachOctet()"), ["a.ts:1: eachOctet"]);
  assertEquals(findWords("a.md", "tell nobody"), ["a.md:1: nobody"]);
  assertEquals(findWords("a.md", "those whose names match"), []);
  assertEquals(findWords("a.md", "“RFC 9112: any octet” is a byte"), []);
  assertEquals(findWords("a.ts", 'type: "application/octet-stream"'), []);
});
