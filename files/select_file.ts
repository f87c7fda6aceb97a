/**
 * Finds the variants of a file, precompressed siblings and those that would be
 * compressed while they are sent, and chooses one by `Accept-Encoding` (RFC 9110
 * §12.5.3).
 */

import { Status } from "../codec/status.ts";
import { acceptedCodings, type Coding, CODINGS } from "./content_coding.ts";
import { FileRefusal, type OpenFile, statusOf } from "./open_file.ts";
import type { FileRequest } from "./web_exchange.ts";

/** One way to send a file. */
export interface Variant {
  /** The open file; the one without a coding if the variant is made from it. */
  readonly file: OpenFile;
  /** Whether the file is compressed while it is sent. */
  readonly isMade: boolean;
}

/** A file's variants by coding; `null` is the file as it is. */
export type Variants = Map<Coding | null, Variant>;

/** Opens a file; `extension` is added to its name. */
export type OpenVariant = (extension: string) => OpenFile;

/**
 * Opens the siblings of an open file.
 *
 * @throws {Error} If one cannot be opened for lack of descriptors; all files are closed then.
 */
export function openVariants(file: OpenFile, open: OpenVariant): Variants {
  const variants: Variants = new Map([[null, { file, isMade: false }]]);
  try {
    for (const coding of CODINGS) {
      const sibling = openVariant(open, coding);
      if (sibling !== null) {
        variants.set(coding, { file: sibling, isMade: false });
      }
    }
    return variants;
  } catch (error) {
    closeAll(variants);
    throw error;
  }
}

/** Closes files, but for one. */
export function closeAll(variants: Variants, kept?: OpenFile): void {
  for (const { file } of variants.values()) {
    if (file !== kept) file.close();
  }
}

/**
 * Chooses the coding that the client likes best. A client that asks for a range
 * gets a range of the file as it is, if it accepts that: a response that is
 * compressed while it is sent has no ranges.
 *
 * @param isBusy Whether no further file may be compressed now.
 * @throws {FileRefusal} With 406 if the client accepts neither a variant nor the
 * file as it is; with 503 if it accepts only one that may not be made now.
 */
export function chooseCoding(
  { headers, method }: FileRequest,
  variants: ReadonlyMap<Coding | null, Pick<Variant, "isMade">>,
  isBusy: boolean,
): Coding | null {
  if (variants.size === 1) return null;
  const isForRange = method === "GET" && headers.has("range");
  let made: Coding | null = null;
  for (const coding of acceptedCodings(headers.get("accept-encoding"))) {
    const variant = variants.get(coding);
    if (variant === undefined) continue;
    if (!variant.isMade || !isBusy && !isForRange) return coding;
    made ??= coding;
  }
  if (made === null) throw new FileRefusal(Status.NOT_ACCEPTABLE);
  if (isBusy) throw new FileRefusal(Status.SERVICE_UNAVAILABLE);
  return made; // `Range` is then ignored (RFC 9110 §14.2)
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
