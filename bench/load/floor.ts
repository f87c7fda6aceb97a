/** The floor as a target; it is compiled at start and needs a C compiler. */

import {
  CONSTANT_CASES,
  maybeOutput,
  type Prepared,
  type Target,
} from "./target.ts";

/** A bare epoll loop without a parser. */
export const FLOOR: Target = {
  name: "C epoll floor",
  cases: CONSTANT_CASES,
  async prepare(folder): Promise<Prepared | string> {
    const { pathname } = new URL("../floor/epoll_floor.c", import.meta.url);
    const command = `${folder}/epoll_floor`;
    for (const compiler of ["cc", "gcc", "clang"]) {
      const version = await maybeOutput(compiler, ["--version"]);
      if (version === null) continue;
      const output = await maybeOutput(
        compiler,
        ["-O2", "-o", command, decodeURIComponent(pathname)],
      );
      if (output === null) return `${compiler} cannot compile the floor`;
      return {
        version: version.split("\n")[0] ?? compiler,
        launch: (port) => ({ command, args: ["--port", String(port)] }),
      };
    }
    return "there is no C compiler";
  },
};
