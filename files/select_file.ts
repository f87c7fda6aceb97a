/** Finds a file's precompressed siblings, and chooses one by `Accept-Encoding` (RFC 9110 §12.5.3). */

import { Status } from "../codec/status.ts";
import type { RequestContext } from "../server/request_context.ts";
import { acceptedCodings, type Coding, CODINGS } from "./content_coding.ts";
import { FileRefusal, type OpenFile, statusOf } from "./open_file.ts";

/** A file's variants by coding; `null` is the file as it is. */
export type Variants = Map<Coding | null, OpenFile>;

/** Opens a file; `extension` is added to its name. */
export type OpenVariant = (extension: string) => OpenFile;

/**
 * Opens the siblings of an open file.
 *
 * @throws {Error} If one cannot be opened for lack of descriptors; all files are closed then.
 */
export function openVariants(file: OpenFile, open: OpenVariant): Variants {
  const variants: Variants = new Map([[null, file]]);
  try {
    for (const coding of CODINGS) {
      const variant = openVariant(open, coding);
      if (variant !== null) variants.set(coding, variant);
    }
    return variants;
  } catch (error) {
    closeAll(variants);
    throw error;
  }
}

/** Closes files, but for the one that has a coding. */
export function closeAll(variants: Variants, kept?: Coding | null): void {
  for (const [coding, file] of variants) {
    if (coding !== kept) file.close();
  }
}

/**
 * Chooses the coding that the client likes best.
 *
 * @throws {FileRefusal} With 406 if there are variants, and the client accepts
 * neither one of them nor the file as it is.
 */
export function chooseCoding(
  ctx: RequestContext,
  variants: ReadonlyMap<Coding | null, unknown>,
): Coding | null {
  if (variants.size === 1) return null;
  for (const coding of acceptedCodings(ctx.headers.get("accept-encoding"))) {
    if (variants.has(coding)) return coding;
  }
  throw new FileRefusal(Status.NOT_ACCEPTABLE);
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
