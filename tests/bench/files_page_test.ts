import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { FileCaseResult, FileResults } from "../../bench/files/results.ts";
import { filesSection } from "../../bench/report/files_page.ts";
import { withCases } from "../../bench/report/results_file.ts";
import { MACHINE } from "../support/bench_machine.ts";

function caseOf(name: string, cpuUs: number): FileCaseResult {
  const rest = { perSecond: 1234.5, p50Ms: 1.234, errors: 0 };
  return {
    name,
    status: 200,
    bodyBytes: 1_048_576,
    connections: 16,
    rounds: 3,
    seconds: 1,
    loadAverage: 1.94,
    results: [
      { server: "khttp epoll", cpuUs, ...rest },
      { server: "nginx", cpuUs: 200, ...rest },
    ],
  };
}

const results: FileResults = {
  machine: MACHINE,
  cases: [caseOf("1m", 234.56), caseOf("1k", 10)],
};

Deno.test("the section has a table per case, in the order of size, with each figure next to nginx's", () => {
  const { markdown } = filesSection(results);
  assert(markdown.indexOf("### Files: 1k") < markdown.indexOf("### Files: 1m"));
  assertStringIncludes(
    markdown,
    "A file of 1 MiB: status 200, 16 connections (3 rounds of 1 s, load average 1.9).",
  );
  assertStringIncludes(
    markdown,
    "| **khttp epoll** | 235 µs | 1.17 | 1,230 | 1,294 | 1.23 ms |",
  );
  assertStringIncludes(
    markdown,
    "| nginx | 200 µs | 1.00 | 1,230 | 1,294 | 1.23 ms |",
  );
});

Deno.test("a case without nginx has no ratios", () => {
  const [item] = results.cases;
  const cases = [{ ...item!, results: item!.results.slice(0, 1) }]; // there are two
  const { markdown } = filesSection({ ...results, cases });
  assertStringIncludes(markdown, "| **khttp epoll** | 235 µs | – |");
});

Deno.test("a case that is measured again replaces its earlier figures", () => {
  const again = caseOf("1m", 300);
  assertEquals(
    withCases(results.cases, [again], ({ name }) => name),
    [caseOf("1k", 10), again],
  );
});
