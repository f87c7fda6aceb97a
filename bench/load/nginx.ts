/**
 * nginx as a target: one worker, and only responses that its configuration can
 * produce without scripting. It cannot escape JSON, echo a body or generate one
 * in pieces, so it is left out of those cases.
 */

import { bytesOf, HELLO, LONG_FIELDS } from "../targets/answers.mjs";
import {
  type Launch,
  maybeOutput,
  type Prepared,
  type Target,
} from "./target.ts";

const CASES = [
  "hello",
  "params",
  "json",
  "body-130k",
  "body-1m3",
  "long-headers",
  "routes-1001",
  "chrome-hello",
  "chrome-params",
  "pipelined-16",
];

const FILE_SIZES = [130_000, 1_300_000];

/** The system's nginx. */
export const NGINX: Target = {
  name: "nginx",
  cases: CASES,
  async prepare(folder): Promise<Prepared | string> {
    const version = await maybeOutput("nginx", ["-v"]);
    if (version === null) return "nginx is not installed";
    await Deno.mkdir(`${folder}/bytes`);
    for (const size of FILE_SIZES) {
      await Deno.writeFile(`${folder}/bytes/${size}`, bytesOf(size));
    }
    return {
      version: version.trim().replace("nginx version: ", ""),
      async launch(port, routes): Promise<Launch> {
        const path = `${folder}/nginx-${port}.conf`;
        await Deno.writeTextFile(path, configuration(folder, port, routes));
        const args = ["-p", folder, "-e", "stderr", "-c", path];
        return { command: "nginx", args };
      },
    };
  },
};

function configuration(folder: string, port: number, routes: number): string {
  const literal = Array.from(
    { length: routes },
    (_, index) => `location = /route${index} { return 200 "${index}"; }`,
  );
  const long = LONG_FIELDS.map(
    ([name, value]) => `add_header ${name} "${value}";`,
  );
  return `daemon off;
worker_processes 1;
error_log stderr crit;
pid ${folder}/nginx-${port}.pid;
events { worker_connections 4096; }
http {
  access_log off;
  server_tokens off;
  keepalive_requests 1000000000;
  sendfile on;
  tcp_nopush on;
  open_file_cache max=100;
  default_type text/plain;
  client_body_temp_path ${folder}/client_body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  server {
    listen 127.0.0.1:${port};
    location = / { return 200 "${HELLO}"; }
    location ~ ^/user/([^/]+)$ { return 200 $1; }
    location = /json {
      default_type application/json;
      return 200 '${JSON.stringify({ message: HELLO })}';
    }
    location /bytes/ {
      default_type application/octet-stream;
      root ${folder};
    }
    location = /headers { ${long.join(" ")} return 200 "${HELLO}"; }
    ${literal.join("\n    ")}
  }
}
`;
}
