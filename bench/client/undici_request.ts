/** The npm package undici, through its fastest function that returns a promise. */

import { Pool } from "npm:undici@8.12.4";
import { bodyOf, type Contender } from "./contender.ts";

/** One pool for all exchanges. */
export const contender: Contender = (port, clientCase, concurrency) => {
  const { method, target } = clientCase;
  const pool = new Pool(`http://127.0.0.1:${port}`, {
    connections: concurrency,
  });
  const body = bodyOf(clientCase);
  const options = {
    method,
    path: target,
    ...(body === undefined ? {} : { body }),
  };
  return Array.from({ length: concurrency }, () => async () => {
    const response = await pool.request(options);
    return (await response.body.arrayBuffer()).byteLength;
  });
};
