/**
 * The processes of a target in `/proc`: the target and all its descendants,
 * their CPU time and memory, and signals to each. The CPU time of a process is
 * lost when it ends; no target ends a process while it is measured.
 */

/** The unit of CPU time in `/proc`, which does not depend on the kernel's own ticks. */
const TICKS_PER_SECOND = 100;

/** Something that can be killed. */
export interface Killable {
  kill(): void;
}

/** A process and its descendants. */
export class ProcessTree {
  #root: number;

  /** @param root The id of the topmost process. */
  constructor(root: number) {
    this.#root = root;
  }

  /** The ids of the living processes, parents first. */
  pids(): readonly number[] {
    const children = new Map<number, number[]>();
    for (const { name } of Deno.readDirSync("/proc")) {
      const pid = Number(name);
      if (!Number.isInteger(pid)) continue;
      const parent = Number(readStat(pid)[1]);
      const siblings = children.get(parent);
      if (siblings === undefined) children.set(parent, [pid]);
      else siblings.push(pid);
    }
    const found = [this.#root];
    for (const pid of found) found.push(...children.get(pid) ?? []); // grows during the loop
    return found;
  }

  /** CPU time used so far, user and system, in microseconds. */
  cpuMicros(): number {
    let ticks = 0;
    for (const pid of this.pids()) {
      const fields = readStat(pid);
      ticks += Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
    }
    return ticks / TICKS_PER_SECOND * 1e6;
  }

  /** The sum of the peak resident memory of all processes, in MiB; shared pages count once per process. */
  peakRssMiB(): number {
    let kibibytes = 0;
    for (const pid of this.pids()) {
      const match = /^VmHWM:\s*([0-9]+) kB$/m.exec(
        readProc(`/proc/${pid}/status`),
      );
      kibibytes += Number(match?.[1] ?? 0);
    }
    return kibibytes / 1024;
  }

  /** Sends a signal to all processes that are still alive. */
  signal(signal: Deno.Signal): void {
    for (const pid of this.pids()) {
      try {
        Deno.kill(pid, signal);
      } catch (error) {
        if (!isGone(error)) throw error;
      }
    }
  }
}

/** The fields after the process's name, which may contain spaces: first the state, then the parent. */
function readStat(pid: number): readonly string[] {
  const text = readProc(`/proc/${pid}/stat`);
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

/** The content of a file; empty if the process has ended. */
function readProc(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (isGone(error)) return "";
    throw error;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    error instanceof Error && /\bESRCH\b|No such process/.test(error.message);
}
