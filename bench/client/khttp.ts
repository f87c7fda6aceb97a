/** Our client. */

import { contenderOf } from "./khttp_contender.ts";

/** Reads each body into one array. */
export const contender = contenderOf(async (body) =>
  (await body.bytes()).length
);
