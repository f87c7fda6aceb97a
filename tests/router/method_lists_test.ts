import {
  assertEquals,
  assertNotStrictEquals,
  assertStrictEquals,
} from "@std/assert";
import { MethodLists, NO_METHODS } from "../../router/method_lists.ts";

Deno.test("MethodLists append() makes each list once, frozen", () => {
  const lists = new MethodLists();
  const get = lists.append(NO_METHODS, "GET");
  const both = lists.append(get, "PUT");
  assertEquals(get, ["GET"]);
  assertEquals(both, ["GET", "PUT"]);
  assertStrictEquals(
    lists.append(lists.append(NO_METHODS, "GET"), "PUT"),
    both,
  );
  assertEquals(Object.isFrozen(both), true);
  assertEquals(lists.append(NO_METHODS, "PUT"), ["PUT"]);
  assertEquals(NO_METHODS, []);
});

Deno.test("MethodLists append() keeps a bounded number of lists", () => {
  const lists = new MethodLists();
  for (let index = 0; index < 256; index++) {
    const list = lists.append(NO_METHODS, `M${index}`);
    assertStrictEquals(lists.append(NO_METHODS, `M${index}`), list);
  }
  const beyond = lists.append(NO_METHODS, "LAST");
  assertEquals(beyond, ["LAST"]);
  assertNotStrictEquals(lists.append(NO_METHODS, "LAST"), beyond);
});
