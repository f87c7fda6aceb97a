/** Opening the files of `res.sendFile()`: what is refused, and how the error says so. */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { adoptFile, openFile } from "../../server/open_file.ts";
import { TestFolder } from "../support/file_source.ts";
import { countDescriptors } from "../support/sockets.ts";

const ALL = { start: undefined, end: undefined };

Deno.test("openFile() says which file does not exist", () => {
  using folder = new TestFolder();
  const file = folder.write("a", new Uint8Array(1));
  for (const path of [`${folder.path}/missing`, `${file}/b`]) {
    const error = assertThrows(() => openFile(path, ALL), Deno.errors.NotFound);
    assertStringIncludes(
      error.message,
      `Cannot send file ${JSON.stringify(path)}: it does not exist`,
    );
  }
});

Deno.test("openFile() says which permission is missing", async () => {
  using folder = new TestFolder();
  const path = folder.write("a", new Uint8Array(1));
  const module = new URL("../../server/open_file.ts", import.meta.url);
  const code = `import { openFile } from ${JSON.stringify(module)};
    try {
      openFile(${JSON.stringify(path)}, { start: undefined, end: undefined });
    } catch (error) {
      console.log(error instanceof Deno.errors.NotCapable, error.message);
    }`;
  const program = `${folder.path}/program.ts`;
  Deno.writeTextFileSync(program, code);
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-lock", program],
  }).output();
  assertEquals(
    new TextDecoder().decode(stdout),
    `true Cannot send file ${
      JSON.stringify(path)
    }: reading it is not allowed. Run with --allow-read=${
      JSON.stringify(path)
    }\n`,
  );
});

Deno.test("what is not a regular file is refused without blocking, and nothing stays open", async () => {
  using folder = new TestFolder();
  const path = folder.write("a", new Uint8Array(10));
  const pipe = `${folder.path}/pipe`;
  await new Deno.Command("mkfifo", { args: [pipe] }).output();
  openFile(path, ALL).source.close(); // the first call may open more
  const before = countDescriptors();
  for (const other of [folder.path, pipe, "/dev/null"]) {
    assertThrows(
      () => openFile(other, ALL),
      TypeError,
      "it is not a regular file",
    );
  }
  for (
    const [start, end] of [[0, 11], [-1, 5], [6, 5], [11, undefined], [0.5, 5]]
  ) {
    assertThrows(() => openFile(path, { start, end }), RangeError, path);
    assertThrows(
      () => adoptFile(Deno.openSync(path), { start, end }),
      RangeError,
      "that is open",
    );
  }
  assertEquals(countDescriptors(), before);
});

Deno.test("adoptFile() refuses what is no file", () => {
  for (const value of [5, null, undefined]) {
    assertThrows(
      () => adoptFile(value as never, ALL),
      TypeError,
      `Cannot send ${value} as a file: it must be a path, a file: URL or a Deno.FsFile`,
    );
  }
  assertThrows(
    () => adoptFile({} as never, ALL),
    TypeError,
    "Cannot send an object as a file: it must be a path",
  );
});

Deno.test("adoptFile() says that a file is closed already", () => {
  using folder = new TestFolder();
  const file = Deno.openSync(folder.write("a", new Uint8Array(1)));
  file.close();
  assertThrows(
    () => adoptFile(file, ALL),
    TypeError,
    "Cannot send file: it is closed already",
  );
});

Deno.test("openFile() says what is wrong with a path that does not exist", () => {
  for (
    const [path, why] of [
      ["", '"": the path is empty'],
      ["file:///a", '"file:///a": it does not exist; pass a URL as an object'],
      ["none", '"none": it does not exist; a relative path begins at the'],
    ] as const
  ) {
    assertThrows(
      () => openFile(path, ALL),
      Deno.errors.NotFound,
      `Cannot send file ${why}`,
    );
  }
  assertThrows(
    () => openFile("a", [] as never),
    TypeError,
    "Cannot send file with options an array: they must be an object",
  );
});

Deno.test("the size is that of the open file, and the default range all of it", () => {
  using folder = new TestFolder();
  const path = folder.write("a", new Uint8Array(10));
  const cases = [[undefined, undefined, 0, 10], [3, undefined, 3, 10], [
    undefined,
    4,
    0,
    4,
  ], [10, 10, 10, 10]];
  for (const [start, end, first, last] of cases) {
    for (
      const { source, range } of [
        openFile(path, { start, end }),
        adoptFile(Deno.openSync(path), { start, end }),
      ]
    ) {
      source.close();
      assertEquals(range, { start: first, end: last });
    }
  }
});
