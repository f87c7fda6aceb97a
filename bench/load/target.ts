/** A target of the comparison before it runs. */

/** How to start a target. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A target that can run on this machine. */
export interface Prepared {
  /** The versions of the target and its runtime. */
  readonly version: string;
  /** Returns the command that serves `127.0.0.1:port` with the given number of routes `/route0` …. */
  launch(port: number, routes: number): Promise<Launch> | Launch;
}

/** A server to compare. */
export interface Target {
  readonly name: string;
  /** Supported cases; all cases if absent. */
  readonly cases?: readonly string[];
  /**
   * Prepares the target.
   *
   * @param folder A folder that is removed at the end.
   * @returns The prepared target, or a sentence with the reason why it cannot run.
   */
  prepare(folder: string): Promise<Prepared | string> | Prepared | string;
}

/** Cases that need only a constant response to `GET /`. */
export const CONSTANT_CASES = ["hello", "chrome-hello", "pipelined-16"];

/** Those of them in which a client waits for each response. */
export const WAITING_CASES = ["hello", "chrome-hello"];

/** Runs a program and returns its output; `null` if it is missing or fails. */
export async function maybeOutput(
  command: string,
  args: readonly string[],
  cwd?: string,
): Promise<string | null> {
  try {
    const { success, stdout, stderr } = await new Deno.Command(command, {
      args: [...args],
      stdin: "null",
      ...(cwd === undefined ? {} : { cwd }),
    }).output();
    const decoder = new TextDecoder();
    return success ? decoder.decode(stdout) + decoder.decode(stderr) : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
