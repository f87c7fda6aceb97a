/**
 * Runs the tests of the server's behaviour on Node and Bun, each in its own
 * process: the same files as on Deno, with the engine on `node:net`.
 */

import { assert, assertEquals } from "@std/assert";

const root = new URL("../", import.meta.url);

/** Files whose tests use nothing of Deno. */
const FILES: readonly string[] = [
  "client_on_engines_test.ts",
  "collected_fields_test.ts",
  "conformance/conformance_test.ts",
  "conformance/end_of_input_test.ts",
  "connection_end_test.ts",
  "connection_order_test.ts",
  "deadlines_rows_test.ts",
  "draining_test.ts",
  "expect_continue_test.ts",
  "field_injection_test.ts",
  "handler_timeout_test.ts",
  "hijack_test.ts",
  "kept_pieces_test.ts",
  "limits_test.ts",
  "mixed_handlers_test.ts",
  "one_response_test.ts",
  "refusals_test.ts",
  "reported_errors_test.ts",
  "response_faults_test.ts",
  "responses_test.ts",
  "server/connection/bodies/request_body_test.ts",
  "server/connection/bodies/streamed_response_test.ts",
  "server/connection/response_writer_test.ts",
  "server/engines/listen_reasons_test.ts",
  "server/engines/node/bind_test.ts",
  "server/engines/node/socket_test.ts",
  "server/engines/tls/certificates_test.ts",
  "server/engines/tls/sessions_test.ts",
  "server/response_handle_test.ts",
  "server/tls_test.ts",
  "shutdown_test.ts",
  "smuggling_test.ts",
  "typed_responses_test.ts",
  "unread_body_test.ts",
  "websocket/accept_test.ts",
  "websocket/upgrade_test.ts",
];

/** Tests that cannot pass elsewhere, by the start of their names, and why. */
const differences: Readonly<Record<string, string>> = {};

/** Fewer tests than this in the files mean that they were not found. */
const MIN_COUNT = 900;

const PROGRAM = "tests/programs/on_runtime.ts";

/** The flags of each runtime, by its npm package. */
const runtimes: Readonly<Record<string, readonly string[]>> = {
  "node@24": ["--import=./tests/programs/std_adapters.mjs"],
  "bun@1.4.5": ["--tsconfig-override=tests/std/tsconfig.json"],
};

interface Outcome {
  readonly passed: number;
  readonly failed: readonly string[];
}

async function runOn(runtime: string): Promise<void> {
  const flags = runtimes[runtime] ?? [];
  const skipped = Object.keys(differences).map((name) => `--skip=${name}`);
  const files = FILES.map((file) => `tests/${file}`);
  const { code, stdout, stderr } = await new Deno.Command("npx", {
    args: ["-y", runtime, ...flags, PROGRAM, ...skipped, ...files],
    cwd: root,
    stdin: "null",
  }).output();
  const output = new TextDecoder().decode(stdout);
  const text = `${output}\n${new TextDecoder().decode(stderr)}`;
  const last = output.trimEnd().split("\n").at(-1) ?? "";
  assert(last.startsWith('{"passed"'), text);
  const { passed, failed } = JSON.parse(last) as Outcome; // the program prints it
  assertEquals(failed, [], text);
  assertEquals(code, 0, text);
  assert(passed > MIN_COUNT, `only ${passed} tests ran`);
}

Deno.test("the server and the client behave on Node and Bun as on Deno", async () => {
  await Promise.all(Object.keys(runtimes).map(runOn));
});
