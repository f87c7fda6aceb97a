/**
 * A worker that replaces the folder `a` of a folder by the link beside it, and
 * back, as fast as it can, until a flag is set. It posts a message when it
 * begins and when it ends.
 */
/// <reference lib="deno.worker" />

/** What the worker gets. */
export interface SwapOrder {
  readonly path: string;
  /** Its first element is 1 when the worker shall end. */
  readonly flag: Int32Array;
}

self.onmessage = ({ data: { path, flag } }: MessageEvent<SwapOrder>) => {
  self.postMessage("started");
  while (Atomics.load(flag, 0) === 0) {
    Deno.renameSync(`${path}/a`, `${path}/b`);
    Deno.renameSync(`${path}/link`, `${path}/a`);
    Deno.renameSync(`${path}/a`, `${path}/link`);
    Deno.renameSync(`${path}/b`, `${path}/a`);
  }
  self.postMessage("ended");
};
