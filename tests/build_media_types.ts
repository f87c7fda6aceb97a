/**
 * Writes `files/media_types.generated.ts` from the npm package mime-db: for each
 * file extension, the media type that is used for it.
 *
 *     deno task build:media-types
 */
import db from "npm:mime-db@1.54.0";
import { generateMediaTypes } from "./support/media_types.ts";

await Deno.writeTextFile(
  new URL("../files/media_types.generated.ts", import.meta.url),
  generateMediaTypes(db),
);
