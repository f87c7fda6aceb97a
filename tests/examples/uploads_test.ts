/** The example that streams uploads to disk, over the network. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Program } from "../support/program.ts";
import { RawClient } from "../support/raw_client.ts";
import { request } from "../support/serve.ts";
import { eventually } from "../support/raw_upstream.ts";

const MAX_FILE_BYTES = 8 * 1024 * 1024;

/** Runs a test with the example and its folder. */
async function withUploads(
  run: (program: Program, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "khttp" });
  try {
    await using program = await Program.start({
      args: [
        "run",
        "--no-prompt",
        "--allow-net=127.0.0.1",
        `--allow-read=${folder}`,
        `--allow-write=${folder}`,
        "examples/uploads.ts",
        "0",
        folder,
        `${MAX_FILE_BYTES}`,
      ],
    });
    await run(program, folder);
    program.signal("SIGTERM");
    assertEquals([await program.ended(), program.stderr], [0, ""]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).toSorted();
}

function post(program: Program, body: BodyInit): Promise<Response> {
  const url = `http://127.0.0.1:${program.port}/`;
  return fetch(url, { method: "POST", body });
}

/** Bytes with long runs without a line end, and line ends and dashes that look like a boundary. */
function sampleBytes(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size).map((_, i) => (i * 31) & 0xff);
  bytes.set(new TextEncoder().encode("\r\n------"), size >> 1);
  return bytes;
}

Deno.test("uploads stores the files of a form as they were sent", async () => {
  await withUploads(async (program, folder) => {
    const files = [sampleBytes(MAX_FILE_BYTES), sampleBytes(1000)];
    const form = new FormData();
    form.set("title", "two files");
    form.append("a", new File([files[0]!], "../../a.bin"));
    form.append("b", new File([files[1]!], "b.txt", { type: "text/css" }));
    const response = await post(program, form);
    assertEquals(response.status, 201);
    const uploads = await response.json();
    assertEquals(
      uploads.map(({ field, type, bytes }: Record<string, unknown>) => [
        field,
        type,
        bytes,
      ]),
      [["a", "application/octet-stream", MAX_FILE_BYTES], [
        "b",
        "text/css",
        1000,
      ]],
    );
    assertEquals(uploads[1].name, "b.txt");
    for (const [index, { storedAs }] of uploads.entries()) {
      assertMatch(storedAs, /^[0-9a-f-]{36}$/); // no part of the client's name
      const stored = await Deno.readFile(`${folder}/${storedAs}`);
      assert(stored.every((byte, at) => byte === files[index]![at]));
      assertEquals(stored.length, files[index]!.length);
    }
    assertEquals(namesIn(folder).length, 2);
  });
});

Deno.test("uploads refuses what is too large or not a form, and keeps no file of it", async () => {
  await withUploads(async (program, folder) => {
    const large = new FormData();
    large.append("a", new File(["kept only if all are"], "a.txt"));
    large.append("b", new File([sampleBytes(MAX_FILE_BYTES + 1)], "b.bin"));
    const many = new FormData();
    for (let n = 0; n < 17; n++) many.append("a", new File(["x"], `${n}`));
    const whole = "multipart/form-data; boundary=b";
    const part =
      '--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n';
    const typed = (body: string, type: string): Blob =>
      new Blob([body], { type });
    const rows: readonly (readonly [BodyInit, number, string])[] = [
      [large, 413, `A file exceeds ${MAX_FILE_BYTES} bytes\n`],
      [many, 413, "The form has too many parts\n"],
      ["text", 415, "Not a multipart form\n"],
      [
        typed("x", "multipart/form-data; a=b"),
        400,
        "Multipart: Boundary not found\n",
      ],
      [typed("x", whole), 400, "Unexpected end of multipart data\n"],
      [typed(`${part}cut`, whole), 400, "Unexpected end of multipart data\n"],
    ];
    for (const [body, status, text] of rows) {
      const response = await post(program, body);
      assertEquals([response.status, await response.text()], [status, text]);
      assertEquals(namesIn(folder), []);
    }
  });
});

Deno.test("uploads keeps nothing of a client that leaves", async () => {
  await withUploads(async (program, folder) => {
    const client = await RawClient.connect(program.port);
    const fields = "Content-Type: multipart/form-data; boundary=b\r\n" +
      "Content-Length: 100000\r\n";
    const part =
      '--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n';
    await client.send(request("POST /", fields) + part + "y".repeat(1000));
    await eventually(() => namesIn(folder).length === 1);
    client.close();
    await eventually(() => namesIn(folder).length === 0);
  });
});

Deno.test("uploads shows a page with a form", async () => {
  await withUploads(async (program) => {
    const response = await fetch(`http://127.0.0.1:${program.port}/`);
    assertMatch(await response.text(), /<form method="post" enctype="multi/);
    assertEquals(
      response.headers.get("content-type"),
      "text/html; charset=utf-8",
    );
  });
});
