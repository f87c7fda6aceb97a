/**
 * Checks `docs/deploying.md`: its programs run with the permissions that its units
 * give them, and the real tools accept its configurations.
 */
// deno-lint-ignore-file no-console

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { Server } from "../mod.ts";
import { Program } from "./support/program.ts";
import { RawClient } from "./support/raw_client.ts";
import { request } from "./support/serve.ts";

const root = new URL("../", import.meta.url);
const page = await Deno.readTextFile(new URL("docs/deploying.md", root));
const config = `--config=${fileURLToPath(new URL("deno.json", root))}`;

/** The blocks of the page in a language, in their order. */
function blocksOf(language: string): string[] {
  return [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)]
    .filter(([, name]) => name === language).map(([, , code = ""]) => code);
}

const [main = "", inherited = "", ...others] = blocksOf("ts");
const [service = "", socket = "", socketService = ""] = blocksOf("ini");

/** The flags of `deno run` in a unit, for a port that the system chooses. */
function flagsOf(unit: string): string[] {
  const [, flags = ""] = /^ExecStart=\S+ run (.*) \S+$/m.exec(unit) ?? [];
  return flags.replaceAll("8080", "0").split(" ");
}

/** Starts a program of the page on a free port, with the permissions of a unit. */
function start(program: string, unit: string): Promise<Program> {
  const code = program.replaceAll("8080", "0").replace("5000", "600");
  const print = "\nconsole.log(`127.0.0.1:${handle.port}`);\n";
  return Program.start({
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--check",
      config,
      ...flagsOf(unit),
      "-",
    ],
    input: code + print,
  });
}

Deno.test({
  name:
    "the service's program drains after SIGTERM with the unit's permissions, and ends",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using program = await start(main, service);
    using client = await RawClient.connect(program.port);
    const ready = async (): Promise<[status: number, body: string]> => {
      const { status, body } = await client.ask(request("GET /ready"));
      return [status, body];
    };
    assertEquals(await ready(), [200, "ready"]);
    program.signal("SIGTERM");
    using other = await RawClient.connect(program.port);
    for (let isReady = true; isReady;) {
      const { status } = await other.ask(request("GET /ready"));
      isReady = status === 200;
    }
    assertEquals(await ready(), [503, "ending"]);
    assertEquals([await program.ended(), program.stderr], [0, ""]);
  },
});

Deno.test({
  name: "the program with an inherited socket also runs without one",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using program = await start(inherited, socketService);
    using client = await RawClient.connect(program.port);
    const { body } = await client.ask(request("GET /"));
    assertEquals(body, "Hello, World!");
    client.close();
    program.signal("SIGTERM");
    assertEquals([await program.ended(), program.stderr], [0, ""]);
  },
});

Deno.test("the other programs of the page have no type errors", async () => {
  assert(others.length > 0);
  const folder = await Deno.makeTempDir();
  try {
    const paths: string[] = [];
    for (const [index, code] of others.entries()) {
      const path = `${folder}/${index}.ts`;
      await Deno.writeTextFile(path, code);
      paths.push(path);
    }
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--quiet", config, ...paths],
    }).output();
    assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** A way to check some of the page's configurations with the tool that reads them. */
interface Tool {
  readonly path: string;
  /** The files to write, by name. */
  readonly files: Readonly<Record<string, string>>;
  args(folder: string): string[];
  /** The exit codes of a correct configuration, and a text of the output. */
  readonly codes: readonly number[];
  readonly output: string;
}

/** Makes a unit name a program that exists. */
const withProgram = (unit: string): string =>
  unit.replace("/usr/bin/deno", "/bin/true");

const TOOLS: readonly Tool[] = [
  {
    path: "/usr/sbin/nginx",
    files: {
      "nginx.conf": `events {}\nhttp {\n${blocksOf("nginx").join("\n")}}\n`,
    },
    args: (folder) => [
      ...["-t", "-p", folder, "-e", `${folder}/error.log`],
      ...["-g", `pid ${folder}/pid;`, "-c", `${folder}/nginx.conf`],
    ],
    codes: [0],
    output: "test is successful",
  },
  {
    path: "/usr/sbin/haproxy",
    files: {
      "haproxy.cfg": "defaults\n  mode http\n  timeout connect 5s\n" +
        "  timeout client 30s\n  timeout server 30s\n" +
        blocksOf("haproxy").join("\n"),
    },
    args: (folder) => ["-c", "-f", `${folder}/haproxy.cfg`],
    codes: [0, 2], // 2: correct, but without the frontend that the page leaves out
    output: "Configuration file",
  },
  {
    path: "/usr/bin/systemd-analyze",
    files: { "app.service": withProgram(service) },
    args: (folder) => ["verify", `${folder}/app.service`],
    codes: [0],
    output: "",
  },
  {
    path: "/usr/bin/systemd-analyze",
    files: { "app.socket": socket, "app.service": withProgram(socketService) },
    args: (folder) => [
      ...["verify", `${folder}/app.socket`, `${folder}/app.service`],
    ],
    codes: [0],
    output: "",
  },
];

for (const { path, files, args, codes, output } of TOOLS) {
  const isThere = await Deno.stat(path).then(() => true, () => false);
  if (!isThere) {
    console.log(`Skipped: a test with ${path}, because it does not exist`);
  }
  Deno.test({
    name: `${path} accepts ${Object.keys(files).join(" and ")} of the page`,
    ignore: !isThere,
    fn: async () => {
      const folder = await Deno.makeTempDir();
      try {
        for (const [name, text] of Object.entries(files)) {
          assert(text.length > 100, `the page has no ${name}`);
          await Deno.writeTextFile(`${folder}/${name}`, text);
        }
        const { code, stdout, stderr } = await new Deno.Command(path, {
          args: args(folder),
        }).output();
        const [out, errors] = [stdout, stderr]
          .map((bytes) => new TextDecoder().decode(bytes));
        assert(codes.includes(code), `${out}${errors}`);
        assertStringIncludes(`${out}${errors}`, output);
        // systemd exits with 0 after warnings as well.
        if (output === "") assertEquals([out, errors], ["", ""]);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

Deno.test("the settings in the page's text have the defaults that it states", () => {
  const { idleTimeout, maxConnections } = Server.builder(0).build().options;
  assertStringIncludes(page, `\`idleTimeout\` is ${idleTimeout / 1000} s`);
  assertStringIncludes(page, `\`maxConnections\` is ${maxConnections}.`);
});
