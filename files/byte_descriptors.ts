/**
 * Chooses the calls for paths that are not UTF-8. Node and Bun take a path as
 * bytes. Deno takes only strings and encodes them as UTF-8; there, the C library
 * is called if the program may use FFI. Linux only: other systems have no such
 * names.
 */

import * as fs from "node:fs";
import { bytesOfName, nameOfBytes } from "./byte_names.ts";
import {
  type ByteDescriptors,
  OPEN_FLAGS,
  RUNTIME_DESCRIPTORS,
} from "./descriptors.ts";
import { openLibc } from "./libc_descriptors.ts";
import { IS_LINUX } from "./system.ts";

/** The calls of Node and Bun on Linux, which take paths as bytes. */
function nodeDescriptors(): ByteDescriptors {
  const { Buffer } = globalThis.process.getBuiltinModule("node:buffer");
  const linkOf = (fd: number): string => `/proc/self/fd/${fd}`;
  return {
    ...RUNTIME_DESCRIPTORS,
    open: (path) => fs.openSync(Buffer.from(bytesOfName(path)), OPEN_FLAGS),
    pathOf: (fd) => nameOfBytes(fs.readlinkSync(linkOf(fd), "buffer")),
    list: (fd) => fs.readdirSync(linkOf(fd), "buffer").map(nameOfBytes),
  };
}

/** Returns calls that take paths that are not UTF-8, or `null` if the program has none. */
export function findByteDescriptors(): ByteDescriptors | null {
  if (!IS_LINUX) return null;
  return typeof Deno !== "undefined" ? openLibc() : nodeDescriptors();
}
