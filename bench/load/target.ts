/** What a target of the comparison is, before it runs. */

/** How to start a target. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A target that can run here. */
export interface Prepared {
  /** What it is, with the versions that matter. */
  readonly version: string;
  /** Gives the command that serves `127.0.0.1:port` with so many routes `/route0` …. */
  launch(port: number, routes: number): Promise<Launch> | Launch;
}

/** A server to compare. */
export interface Target {
  readonly name: string;
  /** Cases that it can do; all of them if not given. */
  readonly cases?: readonly string[];
  /**
   * Makes it ready to run.
   *
   * @param folder A folder that is removed at the end.
   * @returns Why it cannot run here if that is so, as a sentence.
   */
  prepare(folder: string): Promise<Prepared | string> | Prepared | string;
}

/** Cases that need one constant answer to `GET /`. */
export const CONSTANT_CASES = ["hello", "chrome-hello", "pipelined-16"];

/** Those of them in which a client waits for each answer. */
export const WAITING_CASES = ["hello", "chrome-hello"];

/** Runs a program to its end and gives its output; `null` if it is not there or failed. */
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
