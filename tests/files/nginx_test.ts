/** The same requests for the same folder as nginx answered them: equal, or different for a reason in `docs/files.md`. */

import { assert, assertEquals } from "@std/assert";
import { serveDir } from "../../files/mod.ts";
import { testEngines } from "../support/engines.ts";
import { KEEPS_LIBRARY } from "../support/site.ts";
import { ShiftedClock } from "../support/shifted_clock.ts";
import recorded from "./nginx/answers.json" with { type: "json" };
import {
  type Answer,
  collectAnswers,
  makeComparedSite,
} from "./nginx/answers.ts";
import { DIFFERENCES } from "./nginx/differences.ts";
import { REQUESTS } from "./nginx/requests.ts";

function keyOf({ line, fields }: { line: string; fields: string }): string {
  return [line, ...fields.split("\r\n")].join(" ").trim();
}

testEngines(
  "serveDir() answers as nginx does, or with a reason to differ",
  async (engine) => {
    const differences = new Map(
      DIFFERENCES.flatMap(({ statuses, requests }) =>
        requests.map((key) => [key, statuses] as const)
      ),
    );
    await using site = await makeComparedSite();
    using _clock = new ShiftedClock(10_000); // so that files are kept in memory
    await using server = engine.serve((app) => {
      const options = { etag: "strong", precompressed: true } as const;
      app.get("/**", serveDir(site.path, options));
    });
    const answers = await collectAnswers(server.port);
    assert(answers.length >= 300);
    assertEquals(recorded.answers.length, answers.length);
    for (const [index, one] of recorded.answers.entries()) {
      const key = keyOf(one);
      const ours = answers[index];
      const nginx = one.answer as unknown as Answer; // the members differ, so the type of the file has all of them
      const statuses = differences.get(key);
      if (statuses === undefined) assertEquals(ours, nginx, key);
      else {
        assertEquals([key, nginx.status, ours?.status], [key, ...statuses]);
        assert(JSON.stringify(ours) !== JSON.stringify(nginx), key);
        differences.delete(key);
      }
    }
    assertEquals([...differences.keys()], []);
    assertEquals(server.errors, []);
  },
  KEEPS_LIBRARY,
);

Deno.test("the recorded answers of nginx are those to the requests", () => {
  assertEquals(
    recorded.answers.map(({ line, fields }) => ({ line, fields })),
    [...REQUESTS],
  );
});

Deno.test("docs/files.md gives a reason for each difference from nginx", async () => {
  const page = await Deno.readTextFile(
    new URL("../../docs/files.md", import.meta.url),
  );
  const cells = page.split("\n").map((line) =>
    line.split(" | ")[0]?.slice(2).trim()
  );
  for (const { row } of DIFFERENCES) assert(cells.includes(row), row);
});
