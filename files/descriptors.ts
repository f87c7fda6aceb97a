/**
 * The calls on open files that the handlers need, and the runtime's own
 * implementation. `byte_descriptors.ts` has those for paths that are not UTF-8.
 */

import * as fs from "node:fs";
import { openFlags, readAt } from "../server/open_file.ts";

/** The flags for opening files. */
export const OPEN_FLAGS: number = openFlags(fs);

/** The metadata of an open file. */
export interface Metadata {
  readonly dev: number;
  readonly ino: number;
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  isFile(): boolean;
  isDirectory(): boolean;
}

/** Calls on open files. */
export interface Descriptors {
  /** Opens a file for reading, without waiting for the writer of a pipe; returns its descriptor. */
  open(path: string): number;
  stat(fd: number): Metadata;
  readSync(fd: number, buffer: Uint8Array, position: number): number;
  read(fd: number, buffer: Uint8Array, position: number): Promise<number>;
  close(fd: number): void;
}

/** Calls that also take paths that are not UTF-8, as strings of `byte_names.ts`. */
export interface ByteDescriptors extends Descriptors {
  /** Returns the path of an open file, as the kernel reports it. */
  pathOf(fd: number): string;
  /** Returns the names in an open folder. */
  list(fd: number): readonly string[];
}

/** The calls of the runtime. */
export const RUNTIME_DESCRIPTORS: Descriptors = {
  open: (path) => fs.openSync(path, OPEN_FLAGS),
  stat: (fd) => fs.fstatSync(fd),
  readSync: (fd, buffer, position) =>
    fs.readSync(fd, buffer, 0, buffer.length, position),
  read: (fd, buffer, position) => readAt(fs, fd, buffer, position),
  close: (fd) => fs.closeSync(fd),
};
