/**
 * The calls of the system on open files, as the handlers use them, and those of
 * the runtime. `byte_descriptors.ts` finds others for paths that are not UTF-8.
 */

import * as fs from "node:fs";

/** How files are opened: Windows has no `O_NONBLOCK`, and no pipes among its files. */
export const OPEN_FLAGS = fs.constants.O_RDONLY |
  (fs.constants.O_NONBLOCK ?? 0);

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
  /** Opens a file for reading without waiting for pipes; returns its descriptor. */
  open(path: string): number;
  stat(fd: number): Metadata;
  readSync(fd: number, buffer: Uint8Array, position: number): number;
  read(fd: number, buffer: Uint8Array, position: number): Promise<number>;
  close(fd: number): void;
}

/** Calls that also take paths that are not UTF-8, as strings of `byte_names.ts`. */
export interface ByteDescriptors extends Descriptors {
  /** The path of an open file, which the kernel knows. */
  pathOf(fd: number): string;
  /** The names in an open folder. */
  list(fd: number): readonly string[];
}

/** The calls of the runtime. */
export const RUNTIME_DESCRIPTORS: Descriptors = {
  open: (path) => fs.openSync(path, OPEN_FLAGS),
  stat: (fd) => fs.fstatSync(fd),
  readSync: (fd, buffer, position) =>
    fs.readSync(fd, buffer, 0, buffer.length, position),
  read: (fd, buffer, position) =>
    new Promise((resolve, reject) => {
      const { length } = buffer;
      fs.read(fd, buffer, 0, length, position, (error, count) => {
        if (error === null) resolve(count);
        else reject(error);
      });
    }),
  close: (fd) => fs.closeSync(fd),
};
