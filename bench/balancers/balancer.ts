/** nginx and HAProxy with their usual settings, in front of instances on this machine. */

/** The balancers. */
export type BalancerName = "nginx" | "haproxy";

/** Where a balancer listens, and what it forwards to. */
export interface BalancerOptions {
  readonly name: BalancerName;
  readonly port: number;
  /** Ports of the instances. */
  readonly upstreams: readonly number[];
  /** How many idle connections to an instance it keeps. */
  readonly pool: number;
  /** How long it keeps an idle connection to an instance, in ms. @default {its own} */
  readonly idleMs?: number;
  /** Whether HAProxy asks for the readiness of instances. @default {true} */
  readonly isChecked?: boolean;
}

/** A running balancer; disposal ends it. */
export class Balancer implements AsyncDisposable {
  #child: Deno.ChildProcess;
  #folder: string;

  private constructor(child: Deno.ChildProcess, folder: string) {
    this.#child = child;
    this.#folder = folder;
  }

  /** Starts a balancer; resolves when it accepts connections. */
  static async start(options: BalancerOptions): Promise<Balancer> {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/balancer.conf`;
    const isNginx = options.name === "nginx";
    await Deno.writeTextFile(
      path,
      isNginx ? nginxText(options, folder) : haproxyText(options),
    );
    const args = isNginx
      ? ["-p", folder, "-e", `${folder}/error.log`, "-c", path]
      : ["-db", "-f", path];
    const child = new Deno.Command(options.name, {
      args,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const balancer = new Balancer(child, folder);
    await listening(options.port);
    return balancer;
  }

  /** What nginx has logged about failed requests; empty for HAProxy, which has no log here. */
  async errorLog(): Promise<string> {
    try {
      return await Deno.readTextFile(`${this.#folder}/error.log`);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    }
  }

  /** Ends the balancer and removes its files. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.#child.status;
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** Open-source nginx has no active checks: it skips an instance for `fail_timeout` after a failed connect. */
function nginxText(
  { port, upstreams, pool, idleMs }: BalancerOptions,
  folder: string,
): string {
  const servers = upstreams.map((upstream) =>
    `server 127.0.0.1:${upstream} max_fails=1 fail_timeout=1s;`
  );
  const idle = idleMs === undefined ? "" : `keepalive_timeout ${idleMs}ms;`;
  return `daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
events { worker_connections 8192; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path ${folder}/client_body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  upstream app {
    ${servers.join(" ")}
    keepalive ${pool};
    keepalive_requests 1000000000;
    ${idle}
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
}
`;
}

/**
 * HAProxy asks `/ready` five times a second and removes an instance at the
 * first answer of 503. An answer may take 2 s. By default, it may take only as
 * long as the interval: a machine that is busy for 200 ms would lose all
 * instances.
 */
function haproxyText(
  { port, upstreams, pool, idleMs, isChecked = true }: BalancerOptions,
): string {
  const check = isChecked ? " check inter 200ms fall 1 rise 1" : "";
  const purge = idleMs === undefined ? "" : ` pool-purge-delay ${idleMs}ms`;
  const servers = upstreams.map((upstream, index) =>
    `  server app${index} 127.0.0.1:${upstream}${check} pool-max-conn ${pool}${purge}`
  );
  return `global
  maxconn 8192
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 300s
  timeout server 300s
  timeout check 2s
  option redispatch
  retries 3
frontend in
  bind 127.0.0.1:${port} backlog 4096
  default_backend app
backend app
  balance roundrobin
  http-reuse always
  option httpchk GET /ready
${servers.join("\n")}
`;
}

async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50)); // not yet
    }
  }
  throw new Error(`the balancer does not listen on port ${port}`);
}
