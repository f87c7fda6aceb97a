/** The table of a connection's phases. */

import { assertEquals } from "@std/assert";
import { mayFollow, Phase } from "../../../server/connection/phase.ts";

/** The steps that are allowed, by name; all others are not. */
const steps: Readonly<Record<keyof typeof Phase, string>> = {
  IDLE: "HEAD EXCHANGE CLOSING CLOSED",
  HEAD: "EXCHANGE CLOSING CLOSED",
  EXCHANGE: "IDLE DRAIN CLOSING TAKEN_OVER CLOSED",
  DRAIN: "IDLE CLOSING CLOSED",
  CLOSING: "CLOSED",
  TAKEN_OVER: "CLOSED",
  CLOSED: "",
};

for (const [name, from] of Object.entries(Phase)) {
  Deno.test(`from ${name} go exactly the steps of the table`, () => {
    const allowed = Object.entries(Phase)
      .filter(([, to]) => mayFollow(from, to))
      .map(([to]) => to);
    assertEquals(allowed.join(" "), steps[name as keyof typeof Phase]); // a key of it
  });
}
