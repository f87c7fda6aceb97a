// deno-lint-ignore-file explicit-function-return-type
// Echo on Bun: `bun_echo.mjs PORT`.
Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.argv[2]),
  fetch(request, server) {
    return server.upgrade(request)
      ? undefined
      : new Response(null, { status: 426 });
  },
  websocket: {
    message(socket, message) {
      socket.send(message);
    },
  },
});
