/** Runtimes that come from npm. */

/** Returns the path of the executable in a package, such as `node@24`; installs it if needed. */
export async function npmRuntime(name: string): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("npx", {
    args: ["-y", name, "-p", "process.execPath"],
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  if (code === 0) return decoder.decode(stdout).trim();
  throw new Error(`Cannot find ${name}: ${decoder.decode(stderr)}`);
}
