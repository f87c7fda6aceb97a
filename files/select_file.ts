/** Chooses between a file and its precompressed siblings, and opens the choice. */

import { Status } from "../codec/status.ts";
import type { RequestContext } from "../server/request_context.ts";
import { acceptedCodings, type Coding, CODINGS } from "./content_coding.ts";
import { FileRefusal, type OpenFile, statusOf } from "./open_file.ts";
import type { Selected } from "./send_file.ts";

/** Opens a file; `extension` is added to its name. */
export type OpenVariant = (extension: string) => OpenFile;

/**
 * Chooses the variant of an open file that the client likes best. Closes the
 * file if it is not the one.
 *
 * @throws {FileRefusal} With 406 if there are variants, and the client accepts
 * neither one of them nor the file as it is (RFC 9110 §12.5.3).
 */
export function selectFile(
  ctx: RequestContext,
  path: string,
  file: OpenFile,
  open: OpenVariant,
): Selected {
  const variants = new Map<Coding | null, OpenFile>([[null, file]]);
  try {
    for (const coding of CODINGS) {
      const variant = openVariant(open, coding);
      if (variant !== null) variants.set(coding, variant);
    }
    if (variants.size === 1) {
      return { file, path, coding: null, vary: null };
    }
    const accepted = acceptedCodings(ctx.headers.get("accept-encoding"));
    const coding = accepted.find((coding) => variants.has(coding));
    const chosen = coding === undefined ? undefined : variants.get(coding);
    if (coding === undefined || chosen === undefined) {
      throw new FileRefusal(Status.NOT_ACCEPTABLE);
    }
    variants.delete(coding);
    for (const other of variants.values()) other.close();
    return { file: chosen, path, coding, vary: "Accept-Encoding" };
  } catch (error) {
    for (const variant of variants.values()) variant.close();
    throw error;
  }
}

/** Opens a variant, or returns `null` if there is none that may be served. */
function openVariant(
  open: OpenVariant,
  { extension }: Coding,
): OpenFile | null {
  let variant: OpenFile;
  try {
    variant = open(extension);
  } catch (error) {
    const status = statusOf(error);
    if (status === Status.NOT_FOUND || status === Status.FORBIDDEN) return null;
    throw error;
  }
  if (!variant.isFolder) return variant;
  variant.close();
  return null;
}
