/** Echo on `Deno.serve` and `Deno.upgradeWebSocket`: `deno_echo.ts PORT`. */

const [port = "0"] = Deno.args;
Deno.serve({
  hostname: "127.0.0.1",
  port: Number(port),
  onListen: () => {},
}, (request) => {
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }): void => socket.send(data);
  return response;
});
