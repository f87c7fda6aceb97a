/** `Deno.serve` with a constant answer, for `bench/start.ts`. */

Deno.serve(
  { hostname: "127.0.0.1", port: Number(Deno.args[0]), onListen(): void {} },
  () => new Response("Hello, World!"),
);
