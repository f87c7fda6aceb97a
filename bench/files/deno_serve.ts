/**
 * Files with `Deno.serve` and `readable`, as its manual shows it, with one range
 * and `If-None-Match`: what a program needs for the cases of the comparison.
 */

const [port = "8080", folder = "."] = Deno.args;

/** The bytes of an open file from its position on, at most `length`. */
function readPart(
  file: Deno.FsFile,
  length: number,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let rest = length;
  return file.readable.pipeThrough(
    new TransformStream({
      transform(piece, controller): void {
        controller.enqueue(piece.subarray(0, rest));
        rest -= piece.length;
        if (rest <= 0) controller.terminate();
      },
    }),
  );
}

Deno.serve(
  { hostname: "127.0.0.1", port: Number(port), onListen(): void {} },
  async (request) => {
    const { pathname } = new URL(request.url);
    const file = await Deno.open(folder + pathname);
    const { size, mtime } = await file.stat();
    const etag = `W/"${size.toString(16)}-${mtime?.getTime().toString(16)}"`;
    const headers = {
      etag,
      "last-modified": mtime?.toUTCString() ?? "",
      "accept-ranges": "bytes",
      "content-type": "application/octet-stream",
    };
    if (request.headers.get("if-none-match") === etag) {
      file.close();
      return new Response(null, { status: 304, headers });
    }
    const range = /^bytes=(\d+)-(\d+)$/.exec(
      request.headers.get("range") ?? "",
    );
    if (range === null) {
      return new Response(file.readable, {
        headers: { ...headers, "content-length": `${size}` },
      });
    }
    const [start, end] = [Number(range[1]), Number(range[2])];
    await file.seek(start, Deno.SeekMode.Start);
    return new Response(readPart(file, end + 1 - start), {
      status: 206,
      headers: {
        ...headers,
        "content-length": `${end + 1 - start}`,
        "content-range": `bytes ${start}-${end}/${size}`,
      },
    });
  },
);
