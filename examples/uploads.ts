/**
 * Takes uploads of HTML forms: each file of a multipart body (RFC 7578) streams to
 * disk, so that memory does not grow with its size. A slow disk slows the client down.
 *
 *     deno run --allow-net=127.0.0.1 --allow-read=FOLDER --allow-write=FOLDER \
 *       examples/uploads.ts [PORT] [FOLDER] [MAX_FILE_BYTES]
 *
 * The npm package `@fastify/busboy` parses the body. Files get random names: a name
 * that a client chose could replace other files. A failed upload leaves no file.
 */
// deno-lint-ignore-file no-console

import { Server } from "@khttp/khttp";
import { Busboy, type BusboyFileStream } from "npm:@fastify/busboy@3.2.6";
import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

const [wanted = "8080", folder = "uploads", maxFileBytes = "1073741824"] =
  Deno.args;

/** Limits on the contents of one form. */
const LIMITS = {
  files: 16,
  fileSize: Number(maxFileBytes),
  fields: 100,
  fieldSize: 65_536,
  headerPairs: 20,
};

/** One file as the response describes it. */
interface Upload {
  readonly field: string;
  /** The name that the client gave. */
  readonly name: string;
  readonly type: string;
  readonly bytes: number;
  /** The name in the folder. */
  readonly storedAs: string;
}

/** A form that is refused, with the response's status. */
class Refused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const PAGE = `<!DOCTYPE html>
<meta charset="utf-8">
<title>Uploads</title>
<form method="post" enctype="multipart/form-data">
<input type="file" name="file" multiple> <button>Upload</button>
</form>
`;

await Deno.mkdir(folder, { recursive: true });
// Both limit the whole form: its size, and the time in which it must arrive.
const app = Server.builder(`127.0.0.1:${wanted}`, {
  maxBodyBytes: 4 * LIMITS.fileSize,
  requestTimeout: 3_600_000,
});

app.get("/", (_, res) => res.html(PAGE));

app.post("/", async (ctx, res) => {
  try {
    const type = ctx.headers.get("content-type") ?? "";
    const uploads = await takeForm(type, Readable.from(ctx.body), ctx.signal);
    res.json(uploads, 201);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    res.send(error.status, `${error.message}\n`);
  }
});

const handle = app.build().serve();
const stop = (): void => void handle.shutdown({ deadline: 10_000 });
Deno.addSignalListener("SIGINT", stop);
if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", stop);
console.log(`Listening on ${handle.url}/`);
await handle.finished;
Deno.exit();

/** Saves the files of a form; removes all of them if one fails. */
async function takeForm(
  type: string,
  body: Readable,
  left: AbortSignal,
): Promise<Upload[]> {
  const parser = makeParser(type);
  const stopped = new AbortController();
  const fail = (error: unknown): void => stopped.abort(error); // the first error counts
  const saves: Promise<Upload>[] = [];
  parser.on("file", (field, file, name, _encoding, type) => {
    const save = saveFile({ field, name, type }, file, stopped.signal);
    save.catch(fail); // then the rest of the body is not needed
    saves.push(save);
  });
  for (const limit of ["filesLimit", "fieldsLimit"] as const) {
    parser.on(
      limit,
      () => fail(new Refused(413, "The form has too many parts")),
    );
  }
  // The body's own error, such as that of a client that disconnected, takes
  // precedence.
  body.on("error", fail);
  parser.on("error", (error: Error) => fail(new Refused(400, error.message)));
  try {
    const signal = AbortSignal.any([left, stopped.signal]);
    await pipeline(body, parser, { signal });
    return await Promise.all(saves);
  } catch (error) {
    fail(error);
    for (const save of await Promise.allSettled(saves)) {
      if (save.status === "fulfilled") await discard(save.value.storedAs);
    }
    throw stopped.signal.reason;
  }
}

function makeParser(type: string): InstanceType<typeof Busboy> {
  if (!/^multipart\/form-data *;/i.test(type)) {
    throw new Refused(415, "Not a multipart form");
  }
  try {
    return new Busboy({ headers: { "content-type": type }, limits: LIMITS });
  } catch (error) {
    throw new Refused(400, (error as Error).message); // no boundary
  }
}

/** Streams one file to disk under a random name; leaves nothing behind if it fails. */
async function saveFile(
  info: Pick<Upload, "field" | "name" | "type">,
  file: BusboyFileStream,
  signal: AbortSignal,
): Promise<Upload> {
  const storedAs = crypto.randomUUID();
  const target = createWriteStream(`${folder}/${storedAs}`, { flags: "wx" });
  try {
    await pipeline(file, target, { signal });
    if (file.truncated) {
      throw new Refused(413, `A file exceeds ${LIMITS.fileSize} bytes`);
    }
    return { ...info, bytes: target.bytesWritten, storedAs };
  } catch (error) {
    await discard(storedAs);
    throw error;
  }
}

async function discard(storedAs: string): Promise<void> {
  await Deno.remove(`${folder}/${storedAs}`).catch(() => {}); // it may not exist yet
}
