/** The runtime's own `fetch`. */

import { bodyOf, type Contender } from "./contender.ts";

/** All exchanges share the runtime's pool. */
export const contender: Contender = (port, clientCase, concurrency) => {
  const { method, target } = clientCase;
  const url = `http://127.0.0.1:${port}${target}`;
  const body = bodyOf(clientCase) as Uint8Array<ArrayBuffer> | undefined; // it is not shared
  const init = body === undefined ? { method } : { method, body };
  return Array.from({ length: concurrency }, () => async () => {
    const response = await fetch(url, init);
    return (await response.arrayBuffer()).byteLength;
  });
};
