/** All targets, in the report's order. */

import { FLOOR } from "./floor.ts";
import { NGINX } from "./nginx.ts";
import { installNpmPeers } from "./npm_peers.ts";
import {
  CONSTANT_CASES,
  maybeOutput,
  type Prepared,
  type Target,
  WAITING_CASES,
} from "./target.ts";

/** The path of a file in this folder's parent. */
function path(file: string): string {
  return decodeURIComponent(new URL(`../${file}`, import.meta.url).pathname);
}

/** A target that is a Deno program. */
function onDeno(
  name: string,
  file: string,
  rest: {
    args?: readonly string[];
    cases?: readonly string[];
    /** The file that imports the packages. */
    packages?: string;
  } = {},
): Target {
  const { args = [], cases, packages = file } = rest;
  return {
    name,
    ...(cases === undefined ? {} : { cases }),
    prepare: () => ({
      version: [...versionsIn(packages), `Deno ${Deno.version.deno}`].join(
        ", ",
      ),
      launch: (port, routes) => ({
        command: Deno.execPath(),
        args: ["run", "-A", path(file), ...numbers(port, routes), ...args],
      }),
    }),
  };
}

/** The npm packages that a program imports, with their versions. */
function versionsIn(file: string): readonly string[] {
  const imports = Deno.readTextFileSync(path(file)).matchAll(/"npm:([^"]+)"/g);
  return [...imports].map(([, name = ""]) => name);
}

function numbers(port: number, routes: number): readonly string[] {
  return ["--port", String(port), "--routes", String(routes)];
}

const NODE_HTTP: Target = {
  name: "node:http",
  async prepare(): Promise<Prepared | string> {
    const node = await maybeOutput("node", ["--version"]);
    const file = path("targets/node_http.mjs");
    const [command, ...args] = node === null
      ? [Deno.execPath(), "run", "-A", file]
      : ["node", file];
    return {
      version: node === null
        ? `on Deno ${Deno.version.deno}, since Node is not installed`
        : `Node ${node.trim()}`,
      launch: (port, routes) => ({
        command,
        args: [...args, ...numbers(port, routes)],
      }),
    };
  },
};

const BUN_SERVE: Target = {
  name: "Bun.serve",
  async prepare(): Promise<Prepared | string> {
    const peers = await installNpmPeers();
    const command = await peers.bun();
    if (command === null) return "the package `bun` cannot be installed";
    return {
      version: `Bun ${await peers.version("bun")}`,
      launch: (port, routes) => ({
        command,
        args: [path("targets/bun_serve.mjs"), ...numbers(port, routes)],
        env: { NODE_ENV: "production" },
      }),
    };
  },
};

/** `server.ts` on a runtime that has the engine on `node:net` alone. */
function onNodeNet(
  name: string,
  find: () => Promise<readonly [command: string, version: string] | string>,
): Target {
  return {
    name,
    async prepare(): Promise<Prepared | string> {
      const found = await find();
      if (typeof found === "string") return found;
      const [command, version] = found;
      return {
        version,
        launch: (port, routes) => ({
          command,
          args: [path("server.ts"), ...numbers(port, routes)],
          env: { NODE_ENV: "production" },
        }),
      };
    },
  };
}

const ON_NODE: Target = onNodeNet("khttp on Node", async () => {
  const node = await maybeOutput("node", ["--version"]);
  if (node === null) return "Node is not installed";
  const version = node.trim();
  const [major = 0] = version.slice(1).split(".").map(Number);
  return major >= 24 ? ["node", `Node ${version}`] : "Node is older than 24";
});

const ON_BUN: Target = onNodeNet("khttp on Bun", async () => {
  const peers = await installNpmPeers();
  const command = await peers.bun();
  return command === null
    ? "the package `bun` cannot be installed"
    : [command, `Bun ${await peers.version("bun")}`];
});

const HONO_NODE: Target = {
  name: "Hono on Node",
  async prepare(): Promise<Prepared | string> {
    const node = await maybeOutput("node", ["--version"]);
    if (node === null) return "Node is not installed";
    const peers = await installNpmPeers();
    const version = await peers.version("@hono/node-server");
    if (version === null) {
      return "the package `@hono/node-server` cannot be installed";
    }
    return {
      version: `Hono ${await peers.version(
        "hono",
      )}, node-server ${version}, Node ${node.trim()}`,
      launch: (port, routes) => ({
        command: "node",
        args: [path("targets/hono_node.mjs"), ...numbers(port, routes)],
        env: { HONO_FOLDER: peers.folder, NODE_ENV: "production" },
      }),
    };
  },
};

const FASTIFY: Target = {
  name: "Fastify",
  async prepare(): Promise<Prepared | string> {
    const node = await maybeOutput("node", ["--version"]);
    if (node === null) return "Node is not installed";
    const peers = await installNpmPeers();
    const version = await peers.version("fastify");
    if (version === null) return "the package `fastify` cannot be installed";
    return {
      version: `${version}, Node ${node.trim()}`,
      launch: (port, routes) => ({
        command: "node",
        args: [path("targets/fastify.mjs"), ...numbers(port, routes)],
        env: { FASTIFY_FOLDER: peers.folder, NODE_ENV: "production" },
      }),
    };
  },
};

/** Where the application of Hono is. */
const HONO_APP = "targets/hono_app.ts";

/** All targets. */
export const TARGETS: readonly Target[] = [
  onDeno("khttp epoll", "server.ts", { args: ["--engine", "epoll"] }),
  onDeno("khttp listen", "server.ts", { args: ["--engine", "listen"] }),
  onDeno("khttp node", "server.ts", { args: ["--engine", "node"] }),
  ON_NODE,
  ON_BUN,
  onDeno("Deno.serve", "targets/deno_serve.ts"),
  onDeno("Deno.serve constant", "targets/deno_serve_constant.ts", {
    cases: CONSTANT_CASES,
  }),
  onDeno("fetch epoll", "targets/fetch_serve.ts", {
    args: ["--engine", "epoll"],
  }),
  onDeno("fetch listen", "targets/fetch_serve.ts", {
    args: ["--engine", "listen"],
  }),
  onDeno("Hono", "targets/hono.ts", { packages: HONO_APP }),
  onDeno("Hono epoll", "targets/fetch_serve.ts", {
    args: ["--hono", "1", "--engine", "epoll"],
    packages: HONO_APP,
  }),
  onDeno("Hono listen", "targets/fetch_serve.ts", {
    args: ["--hono", "1", "--engine", "listen"],
    packages: HONO_APP,
  }),
  NODE_HTTP,
  FASTIFY,
  HONO_NODE,
  BUN_SERVE,
  NGINX,
  FLOOR,
  onDeno("Deno.listen floor", "floor/listen_floor.ts", {
    cases: WAITING_CASES,
  }),
  onDeno("Deno.listen fetch floor", "floor/listen_fetch_floor.ts", {
    cases: ["hello", "json-post"],
  }),
];
