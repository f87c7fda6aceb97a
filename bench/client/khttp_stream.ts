/** Our client, with bodies that are read piece by piece instead of into one array. */

import { contenderOf } from "./khttp_contender.ts";

/** Reads each body by its pieces. */
export const contender = contenderOf(async (body) => {
  let size = 0;
  for await (const view of body.views()) size += view.length;
  return size;
});
