import { assertEquals } from "@std/assert";
import * as router from "../../router/mod.ts";

Deno.test("The router entry exports exactly its public names", () => {
  assertEquals(Object.keys(router), ["Params", "Router", "RouterBuilder"]);
  const match: router.RouteMatch<number> = {
    value: 1,
    params: router.Params.empty,
    pattern: "/",
  };
  assertEquals(new router.Router([["GET", "/", 1]]).match("GET", "/"), match);
});
