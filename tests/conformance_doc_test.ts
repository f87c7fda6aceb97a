/**
 * Checks `docs/conformance.md` against the tests: it explains every row that a
 * test names, and every file that it lists for a row names that row.
 */

import { assertEquals } from "@std/assert";

const root = new URL("../", import.meta.url);

/** Files by their paths under `tests/`. */
type Sources = ReadonlyMap<string, string>;

function readSources(folder = ""): Map<string, string> {
  const sources = new Map<string, string>();
  const url = new URL(`tests/${folder}`, root);
  for (const { name, isDirectory } of Deno.readDirSync(url)) {
    const path = `${folder}${name}`;
    if (isDirectory) {
      for (const [inner, source] of readSources(`${path}/`)) {
        sources.set(inner, source);
      }
    } else if (name.endsWith(".ts") && name !== "conformance_doc_test.ts") {
      sources.set(path, Deno.readTextFileSync(new URL(name, url)));
    }
  }
  return sources;
}

function rowsIn(source: string): string[] {
  return source.match(/\bR[1-9][0-9]{0,2}\b/g) ?? [];
}

/** The test files that the document lists, by row. */
function readDocument(markdown: string): Map<string, string[]> {
  const rows = new Map<string, string[]>();
  for (const item of markdown.split(/^- (?=\*\*R)/m).slice(1)) {
    const [, row = ""] = /^\*\*(R\d+)\*\*/.exec(item) ?? [];
    const [, list = ""] = /Tests:([^]*?)\.\s*(?:\n\n|$)/.exec(item) ?? [];
    const files = [...list.matchAll(/`([^`]+)`/g)].map(([, file = ""]) => file);
    rows.set(row, files);
  }
  return rows;
}

function findProblems(markdown: string, sources: Sources): string[] {
  const rows = readDocument(markdown);
  const named = new Set([...sources.values()].flatMap(rowsIn));
  const problems = [...named].filter((row) => !rows.has(row))
    .map((row) => `${row} is not explained`);
  for (const [row, files] of rows) {
    if (files.length === 0) problems.push(`${row} lists no test`);
    for (const file of files) {
      const source = sources.get(file);
      if (source === undefined) problems.push(`${row}: ${file} does not exist`);
      else if (!rowsIn(source).includes(row)) {
        problems.push(`${row}: ${file} does not name it`);
      }
    }
  }
  return problems;
}

Deno.test("docs/conformance.md explains every row that a test names, and lists tests that name it", () => {
  const url = new URL("docs/conformance.md", root);
  assertEquals(findProblems(Deno.readTextFileSync(url), readSources()), []);
});

Deno.test("a row without an explanation, without tests or with wrong ones is noticed", () => {
  const sources = new Map([
    ["a_test.ts", '"R1: one", "R2: two"'],
    ["codec/b_test.ts", '"R3: three"'],
  ]);
  const markdown = `- **R1**: One. → Yes. Tests: \`a_test.ts\`,
  \`codec/b_test.ts\`, \`c_test.ts\`.
- **R3**: Three. → No test.
`;
  assertEquals(findProblems(markdown, sources), [
    "R2 is not explained",
    "R1: codec/b_test.ts does not name it",
    "R1: c_test.ts does not exist",
    "R3 lists no test",
  ]);
});
