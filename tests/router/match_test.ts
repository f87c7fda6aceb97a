import { assertEquals, assertStrictEquals } from "@std/assert";
import { PatternTree } from "../../router/match.ts";
import { parsePattern } from "../../router/pattern.ts";
import { Router } from "../../router/router.ts";

type Route = readonly [method: string, pattern: string, value: number];

const kindOf = (segment: string): number =>
  segment === "**" ? 0 : segment === "*" ? 1 : segment.startsWith(":") ? 2 : 3;

const isLiteral = (pattern: string): boolean =>
  pattern.split("/").every((segment) => kindOf(segment) === 3);

function matches(pattern: string, path: string): boolean {
  if (isLiteral(pattern)) return pattern === path;
  const wanted = pattern.split("/");
  const given = path.split("/");
  const isOpen = wanted.at(-1) === "**";
  if (isOpen) wanted.pop();
  if (given.length < wanted.length) return false;
  if (!isOpen && given.length > wanted.length) return false;
  // "" has no segment before its first slash, so it has none at all.
  if (given.length < 2) return false;
  return wanted.every((segment, index) =>
    kindOf(segment) === 3 ? segment === given[index] : given[index] !== ""
  );
}

/** The rules as numbers: of two patterns the one with the greater list wins. */
function rankOf(pattern: string): number[] {
  const kinds = pattern.split("/").slice(1).map(kindOf);
  const leading = kinds.findIndex((kind) => kind !== 3);
  return isLiteral(pattern) ? [1] : [0, leading, kinds.at(-1) ?? 0, ...kinds];
}

function isBetter(left: readonly number[], right: readonly number[]): boolean {
  for (const [index, value] of left.entries()) {
    const other = right[index];
    if (other === undefined || value > other) return true;
    if (value < other) return false;
  }
  return false;
}

/** Walks all routes and keeps the best; of equals the later one. */
function naiveMatch(
  routes: readonly Route[],
  method: string,
  path: string,
): Route | undefined {
  let best: Route | undefined;
  for (const route of routes) {
    if (route[0] !== method || !matches(route[1], path)) continue;
    if (best && isBetter(rankOf(best[1]), rankOf(route[1]))) continue;
    best = route;
  }
  return best;
}

/** Mulberry32: numbers from 0 to below `limit`, the same for the same seed. */
function randomNumbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

function randomPattern(random: (limit: number) => number): string {
  let pattern = "";
  const length = 1 + random(5);
  for (let index = 0; index < length; index++) {
    const isLast = index === length - 1;
    const pieces = [
      ...["a", "b", "ab", "", "a", "b"],
      ...[`:p${index}`, `:q${index}`, "*", isLast ? "**" : "*"],
    ];
    pattern += `/${pieces[random(pieces.length)]}`;
  }
  return pattern;
}

function randomPath(random: (limit: number) => number): string {
  const pieces = ["a", "b", "ab", "", "c", "abc", "*", ":p0"];
  let path = "";
  const length = 1 + random(6);
  for (let index = 0; index < length; index++) {
    path += `/${pieces[random(pieces.length)]}`;
  }
  return path;
}

/** The expected value of a param of `pattern`, found by splitting. */
function paramsOf(pattern: string, path: string): [string, string][] {
  const given = path.split("/");
  return pattern.split("/").flatMap((segment, index): [string, string][] =>
    segment.startsWith(":") ? [[segment.slice(1), given[index] ?? ""]] : []
  );
}

Deno.test("Router match() agrees with a search of all patterns by the documented rules", () => {
  const random = randomNumbers(20260101);
  const encoder = new TextEncoder();
  for (let set = 0; set < 400; set++) {
    const routes: Route[] = [];
    const count = 1 + random(40);
    for (let value = 0; value < count; value++) {
      routes.push([random(4) ? "GET" : "PUT", randomPattern(random), value]);
    }
    const router = new Router(routes);
    for (let query = 0; query < 60; query++) {
      const method = random(4) ? "GET" : "PUT";
      const path = randomPath(random);
      const expected = naiveMatch(routes, method, path);
      const found = router.match(method, path);
      const about = `${method} ${path} among ${routes.join(" ")}`;
      assertEquals(found?.value, expected?.[2], about);
      assertEquals(found?.pattern, expected?.[1], about);
      const params = expected ? paramsOf(expected[1], path) : [];
      assertEquals([...found?.params ?? []], params, about);

      const bytes = encoder.encode(`${method} ${path}`);
      assertStrictEquals(
        router.matchLiteral(method, bytes, method.length + 1, bytes.length),
        expected && isLiteral(expected[1]) ? found : undefined,
        about,
      );
    }
  }
});

Deno.test("Router match() does not depend on the order of different shapes", () => {
  const random = randomNumbers(7);
  const patterns = [
    ...["/:a/b/c", "/*/b/c", "/a/:b/c", "/a/*/c", "/a/b/:c", "/a/b/*"],
    ...["/a/b/**", "/a/**", "/**", "/:a/:b/**", "/:a/:b/:c", "/*/*/*"],
  ];
  const routes = patterns.map((text, index): Route => ["GET", text, index]);
  const straight = new Router(routes);
  for (let round = 0; round < 50; round++) {
    const shuffled = new Router(
      routes.map((route) => ({ route, at: random(1 << 30) }))
        .sort((left, right) => left.at - right.at)
        .map(({ route }) => route),
    );
    const path = randomPath(random);
    assertEquals(
      shuffled.match("GET", path)?.pattern,
      straight.match("GET", path)?.pattern,
      path,
    );
  }
});

Deno.test("PatternTree finds nothing when it is empty", () => {
  const tree = new PatternTree([]);
  assertEquals(tree.find("/"), undefined);
  assertEquals(tree.find(""), undefined);
});

Deno.test("PatternTree tells apart many literals after one param", () => {
  const count = 3000;
  const tree = new PatternTree(
    Array.from(
      { length: count },
      (_, index) => [parsePattern(`/:x/n${index}`), { index }] as const,
    ),
  );
  for (let index = 0; index < count; index++) {
    assertEquals(tree.find(`/y/n${index}`), { index });
  }
  assertEquals(tree.find(`/y/n${count}`), undefined);
  assertEquals(tree.find("/y/n"), undefined);
  assertEquals(tree.find("/y/n1x"), undefined);
});

/** Every mix of `:name` and `*` of this length, then a literal. */
function everyMix(length: number): Route[] {
  return Array.from({ length: 1 << length }, (_, mix): Route => {
    let pattern = "";
    for (let index = 0; index < length; index++) {
      pattern += (mix >> index) & 1 ? `/:p${index}` : "/*";
    }
    return ["GET", `${pattern}/end`, mix];
  });
}

Deno.test("Router match() is fast for long paths and many mixed patterns", () => {
  const length = 10;
  const router = new Router([
    ...everyMix(length),
    ["GET", "/x/:a/:b/:c/y", -1],
    ["PUT", "/**", -2],
    ["PUT", "/:a/**", -3],
  ]);
  const deep = "/a".repeat(length);
  assertEquals(router.match("GET", `${deep}/end`)?.value, (1 << length) - 1);
  for (let round = 0; round < 200; round++) {
    assertEquals(router.match("GET", `${deep}/other`), undefined);
    assertEquals(router.match("GET", `${deep}/end/more`), undefined);
  }
  const megabyte = 1 << 20;
  const hostile = [
    "/".repeat(megabyte),
    "/a".repeat(megabyte / 2),
    "/" + "a".repeat(megabyte),
    "/a/" + "a".repeat(megabyte),
    "/x/a/" + "b".repeat(megabyte) + "/y",
  ];
  for (const path of hostile) {
    assertEquals(router.match("GET", path), undefined);
    const isOpen = path.startsWith("//");
    assertEquals(router.match("PUT", path)?.value, isOpen ? -2 : -3);
    assertEquals(router.methodsFor(path), ["PUT"]);
  }
});

Deno.test("Router match() reads a param after a long one", () => {
  const router = new Router([["GET", "/:a/:b/:c", 0]]);
  const long = "x".repeat(100_000);
  const params = router.match("GET", `/${long}/b/${long}`)?.params;
  assertEquals(params?.get("b"), "b");
  assertEquals(params?.get("c")?.length, long.length);
});

Deno.test("Router match() reads params at any offset, more of them than it notes", () => {
  const router = new Router([["GET", "/:a/x/:b/*/:c/:d/:e", 0]]);
  for (const size of [1, 500, 1018, 1019, 1020, 1021, 1022, 1023, 1024, 5000]) {
    const long = "y".repeat(size);
    for (const place of [0, 2, 3, 4, 5, 6]) {
      const pieces = ["1", "x", "2", "3", "4", "5", "6"];
      pieces[place] = long;
      const params = router.match("GET", `/${pieces.join("/")}`)?.params;
      const expected = [0, 2, 4, 5, 6].map((index) => pieces[index]);
      assertEquals([...params ?? []].map(([, text]) => text), expected);
      assertEquals(
        ["a", "b", "c", "d", "e"].map((name) => params?.get(name)),
        expected,
      );
    }
  }
});
