/**
 * Files with `Bun.serve` and `Bun.file`, as its manual shows it, with one range
 * and `If-None-Match`: what a program needs for the cases of the comparison.
 */
// deno-lint-ignore-file explicit-function-return-type -- plain JavaScript has no types

const [port, folder] = process.argv.slice(2);

globalThis.Bun.serve({
  hostname: "127.0.0.1",
  port: Number(port),
  async fetch(request) {
    const file = globalThis.Bun.file(folder + new URL(request.url).pathname);
    const { size, mtime } = await file.stat();
    const etag = `W/"${size.toString(16)}-${mtime.getTime().toString(16)}"`;
    const headers = {
      etag,
      "last-modified": mtime.toUTCString(),
      "accept-ranges": "bytes",
      "content-type": "application/octet-stream",
    };
    if (request.headers.get("if-none-match") === etag) {
      return new Response(null, { status: 304, headers });
    }
    const range = /^bytes=(\d+)-(\d+)$/.exec(
      request.headers.get("range") ?? "",
    );
    if (range === null) return new Response(file, { headers });
    const [start, end] = [Number(range[1]), Number(range[2])];
    headers["content-range"] = `bytes ${start}-${end}/${size}`;
    return new Response(file.slice(start, end + 1), { status: 206, headers });
  },
});
