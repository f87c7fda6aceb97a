/** The reverse proxy example in its own process. */

import { Program } from "./program.ts";

/** Starts a proxy in front of a port of 127.0.0.1; the origin has `deadlineMs` to begin its response, and a tunnel may be idle for `tunnelMs`. */
export function startProxy(
  port: number,
  deadlineMs = 20_000,
  tunnelMs = 20_000,
): Promise<Program> {
  return Program.start({
    args: [
      "run",
      "--no-prompt",
      "--allow-net=127.0.0.1",
      "examples/reverse_proxy.ts",
      ...["127.0.0.1", String(port), "0", String(deadlineMs)],
      String(tunnelMs),
    ],
  });
}
