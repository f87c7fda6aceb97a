/**
 * Records nginx's answers to the requests of `requests.ts`, which must be
 * installed: writes `answers.json`.
 *
 *     deno run -A tests/files/nginx/record.ts
 */

import { RawClient } from "../../support/raw_client.ts";
import { collectAnswers, makeComparedSite } from "./answers.ts";
import { REQUESTS } from "./requests.ts";

await using site = await makeComparedSite();
await Deno.chmod(site.root, 0o755); // nginx drops its privileges
const port = freePort();
await Deno.writeTextFile(
  `${site.root}/nginx.conf`,
  `daemon off;
worker_processes 1;
error_log /dev/null;
pid ${site.root}/nginx.pid;
events { worker_connections 64; }
http {
  access_log off;
  types {
    text/html html;
    text/css css;
    text/javascript js;
    text/plain txt;
    application/json json;
    application/gzip gz;
    image/png png;
    image/svg+xml svg;
  }
  charset_types text/css text/javascript text/plain;
  default_type application/octet-stream;
  charset utf-8;
  gzip_static on;
  gzip_vary on;
  absolute_redirect off;
  ${
    ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
      .map((name) => `${name}_temp_path ${site.root}/${name};`).join("\n  ")
  }
  server {
    listen 127.0.0.1:${port};
    root ${site.path};
    disable_symlinks on from=$document_root;
  }
}
`,
);
const version = await new Deno.Command("nginx", { args: ["-v"] }).output();
const nginx = new Deno.Command("nginx", {
  args: ["-p", site.root, "-e", "stderr", "-c", `${site.root}/nginx.conf`],
}).spawn();
try {
  await untilListening();
  const answers = await collectAnswers(port);
  const recorded = {
    version: new TextDecoder().decode(version.stderr).trim(),
    answers: REQUESTS.map(({ line, fields }, index) => ({
      line,
      fields,
      answer: answers[index],
    })),
  };
  await Deno.writeTextFile(
    new URL("answers.json", import.meta.url),
    `${JSON.stringify(recorded, null, 2)}\n`,
  );
} finally {
  nginx.kill("SIGTERM");
  await nginx.status;
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function untilListening(): Promise<void> {
  for (let count = 0; count < 100; count++) {
    try {
      (await RawClient.connect(port)).close();
      return;
    } catch {
      await new Promise((wake) => setTimeout(wake, 50)); // it is still starting
    }
  }
  throw new Error("nginx does not listen");
}
