/** `node:http` with an agent that keeps connections. */

import { Agent, request } from "node:http";
import { bodyOf, type Contender } from "./contender.ts";

/** One agent for all exchanges. */
export const contender: Contender = (port, clientCase, concurrency) => {
  const { method, target, sentBytes } = clientCase;
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  const body = bodyOf(clientCase);
  const headers = body === undefined ? {} : { "content-length": sentBytes };
  const options = {
    hostname: "127.0.0.1",
    port,
    method,
    path: target,
    agent,
    headers,
  };
  const exchange = (): Promise<number> =>
    new Promise((resolve, reject) => {
      const message = request(options, (response) => {
        let size = 0;
        response.on("data", (piece: Uint8Array) => size += piece.length);
        response.on("end", () => resolve(size));
        response.on("error", reject);
      });
      message.on("error", reject);
      message.end(body);
    });
  return Array.from({ length: concurrency }, () => exchange);
};
