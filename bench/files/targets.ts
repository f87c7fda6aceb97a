/** The servers of the file comparison. */

import { installNpmPeers } from "../load/npm_peers.ts";
import { maybeOutput } from "../load/target.ts";

const SIRV_VERSION = "3.0.2";

/** A server that can run on this machine. */
export interface FileTarget {
  readonly name: string;
  /** Whether it sends from memory, and so has only some of the cases. */
  readonly isConstant: boolean;
  /** Returns the command that serves the folder. */
  command(port: number): Promise<readonly string[]> | readonly string[];
}

function path(name: string): string {
  return decodeURIComponent(new URL(name, import.meta.url).pathname);
}

function khttp(
  folder: string,
  engine: string,
  isConstant: boolean,
): FileTarget {
  const program = [Deno.execPath(), "run", "-A", "--no-check"];
  return {
    name: `khttp ${engine}${isConstant ? " from memory" : ""}`,
    isConstant,
    command: (port) => [
      ...[...program, path("khttp.ts"), "--engine", engine],
      ...["--port", `${port}`, "--folder", folder],
      ...(isConstant ? ["--constant"] : []),
    ],
  };
}

/**
 * Finds the servers that this machine has.
 *
 * @param folder The folder to serve.
 * @param scratch A folder for files of the servers.
 * @param notes A sentence is added for each server that is left out.
 */
export async function findTargets(
  folder: string,
  scratch: string,
  notes: string[],
): Promise<readonly FileTarget[]> {
  const found = [
    khttp(folder, "epoll", false),
    khttp(folder, "listen", false),
    khttp(folder, "epoll", true),
    khttp(folder, "listen", true),
  ];
  const add = (
    name: string,
    command: FileTarget["command"] | null,
  ): void => {
    if (command !== null) found.push({ name, isConstant: false, command });
    else notes.push(`${name} is left out: it cannot be installed`);
  };
  const nginx = await maybeOutput("nginx", ["-v"]);
  add(
    "nginx",
    nginx === null ? null : (port) => nginxOn(port, folder, scratch),
  );
  add("Deno.serve", (port) => [
    ...[Deno.execPath(), "run", "-A", "--no-check", path("deno_serve.ts")],
    ...[`${port}`, folder],
  ]);
  const { folder: installed, bun: findBun } = await installNpmPeers();
  const packages = `${installed}-files`;
  await Deno.mkdir(packages, { recursive: true });
  const sirv = await maybeOutput(
    "npm",
    ["install", "--no-save", `sirv@${SIRV_VERSION}`],
    packages,
  );
  add(
    `sirv ${SIRV_VERSION} on Node`,
    sirv === null
      ? null
      : (port) => ["node", path("sirv.mjs"), `${port}`, folder, packages],
  );
  const bun = await findBun();
  add(
    "Bun.serve",
    bun === null
      ? null
      : (port) => [bun, path("bun_file.mjs"), `${port}`, folder],
  );
  return found;
}

/** nginx with one worker, sendfile, and descriptors that stay open for a second. */
async function nginxOn(
  port: number,
  folder: string,
  scratch: string,
): Promise<readonly string[]> {
  const file = `${scratch}/nginx-${port}.conf`;
  await Deno.writeTextFile(
    file,
    `daemon off;
worker_processes 1;
error_log stderr crit;
pid ${scratch}/nginx-${port}.pid;
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_requests 1000000000;
  sendfile on;
  tcp_nopush on;
  open_file_cache max=100;
  open_file_cache_valid 1s;
  default_type application/octet-stream;
  client_body_temp_path ${scratch}/client_body;
  proxy_temp_path ${scratch}/proxy;
  fastcgi_temp_path ${scratch}/fastcgi;
  uwsgi_temp_path ${scratch}/uwsgi;
  scgi_temp_path ${scratch}/scgi;
  server {
    listen 127.0.0.1:${port};
    root ${folder};
  }
}
`,
  );
  return ["nginx", "-p", scratch, "-e", "stderr", "-c", file];
}
