/**
 * The media type of a file by the extension of its name (RFC 9110 §8.3). The
 * table is generated from mime-db.
 */

import { MEDIA_TYPES } from "./media_types.generated.ts";

/** The type of files whose extension is not known: clients then save them. */
const UNKNOWN_TYPE = "application/octet-stream";

/** Media types by extension, those of the program first. */
export class MediaTypes {
  #types: Map<string, string> = new Map();

  /** Creates the table; `types` has extensions without dot, and their types. */
  constructor(types: Readonly<Record<string, string>>) {
    for (const [type, extensions] of MEDIA_TYPES) {
      for (const extension of extensions.split(" ")) {
        this.#types.set(extension, withCharset(type));
      }
    }
    for (const [extension, type] of Object.entries(types)) {
      this.#types.set(extension.replace(/^\./, "").toLowerCase(), type);
    }
  }

  /** The type of a file with this name or path. */
  typeOf(name: string): string {
    const dot = name.lastIndexOf(".");
    if (dot <= name.lastIndexOf("/")) return UNKNOWN_TYPE;
    return this.#types.get(name.slice(dot + 1).toLowerCase()) ?? UNKNOWN_TYPE;
  }
}

/** Text is served as UTF-8; other types have no such parameter, or say in their content what they use. */
function withCharset(type: string): string {
  return type.startsWith("text/") ? `${type}; charset=utf-8` : type;
}
