import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { Params, Router, RouterBuilder } from "../../router/mod.ts";

type Route = readonly [method: string, pattern: string, value: number];
type Query = readonly [
  method: string,
  path: string,
  value: number | undefined,
  params?: Record<string, string>,
];

/** Each table: the routes, then what requests find among them. */
const tables: Record<string, { routes: Route[]; queries: Query[] }> = {
  "finds literal routes, including the root": {
    routes: [["GET", "/", 0], ["GET", "/route", 1], ["GET", "/route/foo", 2]],
    queries: [
      ["GET", "/", 0],
      ["GET", "/route", 1],
      ["GET", "/route/foo", 2],
      ["GET", "/rout", undefined],
      ["GET", "/route/fo", undefined],
    ],
  },
  "matches one segment with a star": {
    routes: [
      ["GET", "/route1/*/foo", 0],
      ["GET", "/route2/*", 1],
      ["GET", "/route2/hey", 2],
    ],
    queries: [
      ["GET", "/route1/abc/foo", 0],
      ["GET", "/route1/d/foo", 0],
      ["GET", "/route1/d/e/foo", undefined],
      ["GET", "/route2/hello", 1],
      ["GET", "/route2/hey", 2],
      ["GET", "/route2", undefined],
    ],
  },
  "matches any number of segments with two stars": {
    routes: [
      ["GET", "/route1/**", 0],
      ["GET", "/route2/*", 1],
      ["GET", "/route2", 2],
      ["GET", "/**", 3],
    ],
    queries: [
      ["GET", "/route1/abc/def/hjk", 0],
      ["GET", "/route1/d", 0],
      ["GET", "/route1/", 0],
      ["GET", "/route1", 0],
      ["GET", "/route10", 3],
      ["GET", "/route2/hello", 1],
      ["GET", "/route2/hello/you", 3],
      ["GET", "/route2", 2],
      ["GET", "/", 3],
      ["GET", "//", 3],
      ["GET", "/fallback/for/any/other/route", 3],
    ],
  },
  "prefers an all-literal pattern to all others": {
    routes: [
      ["GET", "/route/foo", 0],
      ["GET", "/route/*", 1],
      ["GET", "/route/**", 2],
      ["GET", "/users/me", 3],
      ["GET", "/users/:id", 4],
    ],
    queries: [
      ["GET", "/route/foo", 0],
      ["GET", "/route/hello", 1],
      ["GET", "/route/foobar", 1],
      ["GET", "/route/foo/bar/index.html", 2],
      ["GET", "/users/me", 3],
      ["GET", "/users/42", 4, { id: "42" }],
    ],
  },
  "prefers more leading literals to a better last segment": {
    routes: [["GET", "/a/b/*", 0], ["GET", "/a/*/c", 1]],
    queries: [["GET", "/a/b/c", 0], ["GET", "/a/x/c", 1]],
  },
  "falls back to fewer leading literals when more do not match": {
    routes: [
      ["GET", "/a/b/c/*/x", 0],
      ["GET", "/a/b/:p/d/e", 1],
      ["GET", "/a/**", 2],
    ],
    queries: [
      ["GET", "/a/b/c/d/x", 0],
      ["GET", "/a/b/c/d/e", 1, { p: "c" }],
      ["GET", "/a/b/c/d/f", 2],
    ],
  },
  "decides a tie by the last segment: literal, param, star, two stars": {
    routes: [
      ["GET", "/x/*/c", 0],
      ["GET", "/x/:p/:q", 1],
      ["GET", "/x/:p/*", 2],
      ["GET", "/x/:p/**", 3],
      ["GET", "/files/*", 4],
      ["GET", "/files/:name", 5],
    ],
    queries: [
      ["GET", "/x/b/c", 0],
      ["GET", "/x/b/d", 1, { p: "b", q: "d" }],
      ["GET", "/x/b", 3, { p: "b" }],
      ["GET", "/x/b/d/e", 3, { p: "b" }],
      ["GET", "/files/readme", 5, { name: "readme" }],
    ],
  },
  "decides a further tie by the first segment that differs": {
    routes: [
      ["GET", "/:a/*/z", 0],
      ["GET", "/*/:b/z", 1],
      ["GET", "/:a/b/*/z", 2],
      ["GET", "/:a/:b/c/z", 3],
      ["GET", "/*/**", 4],
      ["GET", "/:a/**", 5],
    ],
    queries: [
      ["GET", "/1/2/z", 0, { a: "1" }],
      ["GET", "/1/b/c/z", 2, { a: "1" }],
      ["GET", "/1/x/c/z", 3, { a: "1", b: "x" }],
      ["GET", "/1", 5, { a: "1" }],
    ],
  },
  "matches one segment with a param and more with two stars": {
    routes: [["GET", "/blog/:slug", 0], ["GET", "/blog/**", 1]],
    queries: [
      ["GET", "/blog/intro", 0, { slug: "intro" }],
      ["GET", "/blog/2024/10/interesting", 1],
      ["GET", "/blog", 1],
    ],
  },
  "falls back to two stars at the root": {
    routes: [["GET", "/api/*", 0], ["GET", "/**", 1]],
    queries: [["GET", "/whatever/else", 1], ["GET", "/api/foo", 0]],
  },
  "uses the last pattern of the same shape, with its param names": {
    routes: [
      ["GET", "/route/foo", 0],
      ["GET", "/route/foo", 1],
      ["GET", "/route/foo2", 2],
      ["GET", "/route/*", 3],
      ["GET", "/route/*", 4],
      ["GET", "/user/:id", 5],
      ["GET", "/user/:slug", 6],
      ["GET", "/**", 7],
      ["GET", "/**", 8],
    ],
    queries: [
      ["GET", "/route/foo", 1],
      ["GET", "/route/foo2", 2],
      ["GET", "/route/hey", 4],
      ["GET", "/user/1234", 6, { slug: "1234" }],
      ["GET", "/", 8],
    ],
  },
  "captures several params": {
    routes: [["GET", "/:a/:b/:c", 0], ["GET", "/users/:id/posts/:post", 1]],
    queries: [
      ["GET", "/one/two/three", 0, { a: "one", b: "two", c: "three" }],
      ["GET", "/users/42/posts/a%2Fb", 1, { id: "42", post: "a%2Fb" }],
    ],
  },
  "distinguishes trailing slashes": {
    routes: [
      ["GET", "/hello", 0],
      ["GET", "/foo/bar", 1],
      ["GET", "/foo/bar/", 2],
      ["GET", "/wild/*", 3],
      ["GET", "/user/:id", 4],
      ["GET", "/any/**", 5],
      ["GET", "/dir/:id/", 6],
    ],
    queries: [
      ["GET", "/hello/", undefined],
      ["GET", "/foo/bar", 1],
      ["GET", "/foo/bar/", 2],
      ["GET", "/foo/bar//", undefined],
      ["GET", "/wild/abc/", undefined],
      ["GET", "/user/123/", undefined],
      ["GET", "/any", 5],
      ["GET", "/any/", 5],
      ["GET", "/any////", 5],
      ["GET", "/dir/7/", 6, { id: "7" }],
      ["GET", "/dir/7", undefined],
    ],
  },
  "distinguishes doubled slashes": {
    routes: [
      ["GET", "/hello", 0],
      ["GET", "/foo/bar", 1],
      ["GET", "/x//y", 2],
    ],
    queries: [
      ["GET", "//hello", undefined],
      ["GET", "///hello///", undefined],
      ["GET", "/foo//bar", undefined],
      ["GET", "/x//y", 2],
      ["GET", "/x/y", undefined],
    ],
  },
  "matches no empty segment with a param or a star": {
    routes: [
      ["GET", "/user/:id", 0],
      ["GET", "/wild/*", 1],
      ["GET", "/a/:b/c", 2],
      ["GET", "/:a", 3],
    ],
    queries: [
      ["GET", "/user/", undefined],
      ["GET", "/wild/", undefined],
      ["GET", "/a//c", undefined],
      ["GET", "/", undefined],
      ["GET", "/x", 3, { a: "x" }],
    ],
  },
  "distinguishes methods, including unknown ones and case": {
    routes: [
      ["GET", "/users/:id", 0],
      ["POST", "/users/:id", 1],
      ["PURGE", "/users/:id", 2],
      ["purge", "/users/:id", 3],
      ["GET", "/only", 4],
    ],
    queries: [
      ["GET", "/users/10", 0, { id: "10" }],
      ["POST", "/users/10", 1, { id: "10" }],
      ["PURGE", "/users/10", 2, { id: "10" }],
      ["purge", "/users/10", 3, { id: "10" }],
      ["PUT", "/users/10", undefined],
      ["POST", "/only", undefined],
    ],
  },
  "treats the asterisk form as a separate literal": {
    routes: [
      ["OPTIONS", "*", 0],
      ["OPTIONS", "/:a", 1],
      ["GET", "/**", 2],
      ["GET", "/*", 3],
    ],
    queries: [
      ["OPTIONS", "*", 0],
      ["GET", "*", undefined],
      ["OPTIONS", "/*", 1, { a: "*" }],
      ["GET", "/*", 3],
      ["GET", "/**", 3],
      ["OPTIONS", "**", undefined],
    ],
  },
  "matches no path without a leading slash": {
    routes: [["GET", "/**", 0], ["GET", "/:a", 1], ["GET", "/a", 2]],
    queries: [
      ["GET", "", undefined],
      ["GET", "a", undefined],
      ["GET", "h:443", undefined],
      ["GET", "xa/b", undefined],
    ],
  },
  "compares literals as they were sent": {
    routes: [["GET", "/caf%C3%A9", 0], ["GET", "/A/:x", 1]],
    queries: [
      ["GET", "/caf%C3%A9", 0],
      ["GET", "/caf%c3%a9", undefined],
      ["GET", "/café", undefined],
      ["GET", "/A/b", 1, { x: "b" }],
      ["GET", "/a/b", undefined],
      ["GET", "/%41/b", undefined],
    ],
  },
  "treats names of object members as plain text": {
    routes: [
      ["GET", "/__proto__/:__proto__", 0],
      ["GET", "/constructor", 1],
      ["constructor", "/:toString", 2],
    ],
    queries: [
      ["GET", "/__proto__/x", 0, { ["__proto__"]: "x" }],
      ["GET", "/constructor", 1],
      ["GET", "/toString", undefined],
      ["__proto__", "/constructor", undefined],
      ["constructor", "/a", 2, { toString: "a" }],
    ],
  },
};

for (const [name, { routes, queries }] of Object.entries(tables)) {
  Deno.test(`Router match() ${name}`, () => {
    const router = new Router(routes);
    for (const [method, path, value, params = {}] of queries) {
      const found = router.match(method, path);
      assertEquals(found?.value, value, `${method} ${path}`);
      assertEquals([...found?.params ?? []], Object.entries(params), path);
    }
  });
}

Deno.test("Router match() returns the pattern of the match", () => {
  const router = new Router([["GET", "/a", 0], ["GET", "/:x/**", 1]]);
  assertEquals(router.match("GET", "/a")?.pattern, "/a");
  assertEquals(router.match("GET", "/b/c")?.pattern, "/:x/**");
});

Deno.test("Router match() gives the same frozen object for each hit without params", () => {
  const router = new Router([["GET", "/a", 0], ["GET", "/b/**", 1]]);
  for (const path of ["/a", "/b/c"]) {
    const found = router.match("GET", path);
    assertStrictEquals(router.match("GET", path), found);
    assertStrictEquals(found?.params, Params.empty);
    assertEquals(Object.isFrozen(found), true);
  }
});

Deno.test("Router match() keeps the params of earlier matches", () => {
  const router = new Router([["GET", "/user/:id", 0]]);
  const first = router.match("GET", "/user/1");
  const second = router.match("GET", "/user/2");
  assertEquals(first?.params.get("id"), "1");
  assertEquals(second?.params.get("id"), "2");
});

Deno.test("Router match() finds a route whose value is undefined", () => {
  const router = new Router([["GET", "/a", undefined], [
    "GET",
    "/:a/b",
    undefined,
  ]]);
  assertEquals(router.match("GET", "/a")?.pattern, "/a");
  assertEquals(router.match("GET", "/a/b")?.pattern, "/:a/b");
});

Deno.test("Router match() finds literal routes of every length among patterns", () => {
  const paths = Array.from({ length: 70 }, (_, size) => "/" + "a".repeat(size));
  for (const path of paths) {
    const router = new Router([["GET", path, 0], ["GET", "/**", 1]]);
    for (const asked of paths) {
      const expected = asked === path ? 0 : 1;
      assertEquals(router.match("GET", asked)?.value, expected, asked);
    }
  }
});

Deno.test("Router match() finds each of 1,001 literal routes", () => {
  const routes: Route[] = [];
  for (let i = 0; i <= 1000; i++) routes.push(["GET", `/route/${i}/x`, i]);
  const router = new Router(routes);
  const encoder = new TextEncoder();
  for (const [method, path, value] of routes) {
    const bytes = encoder.encode(path);
    assertEquals(router.match(method, path)?.value, value);
    const found = router.matchLiteral(method, bytes, 0, bytes.length);
    assertEquals(found?.value, value);
  }
  assertEquals(router.match("GET", "/route/1001/x"), undefined);
});

Deno.test("Router matchLiteral() returns the match that match() returns", () => {
  const router = new Router([
    ["GET", "/a", 0],
    ["POST", "/a", 1],
    ["GET", "/:p", 2],
    ["PURGE", "/a", 3],
  ]);
  const cases: [method: string, path: string, isLiteral: boolean][] = [
    ["GET", "/a", true],
    ["POST", "/a", true],
    ["PURGE", "/a", true],
    ["GET", "/b", false],
    ["GET", "/a/", false],
    ["PUT", "/a", false],
    ["get", "/a", false],
  ];
  for (const [method, path, isLiteral] of cases) {
    const bytes = new TextEncoder().encode(`${method} ${path} HTTP/1.1`);
    const start = method.length + 1;
    assertStrictEquals(
      router.matchLiteral(method, bytes, start, start + path.length),
      isLiteral ? router.match(method, path) : undefined,
      `${method} ${path}`,
    );
  }
});

Deno.test("Router literalRoutes lists the literal routes with their matches", () => {
  const router = new Router([
    ["PUT", "/b", 0],
    ["GET", "/a", 1],
    ["GET", "/:p", 2],
    ["GET", "/a", 3],
    ["OPTIONS", "*", 4],
  ]);
  const found = router.literalRoutes;
  assertEquals(
    found.map(({ method, path, value }) => [method, path, value.value]),
    [["GET", "/a", 3], ["OPTIONS", "*", 4], ["PUT", "/b", 0]],
  );
  for (const { method, path, value } of found) {
    assertStrictEquals(router.match(method, path), value);
  }
});

Deno.test("Router methodsFor() lists methods in order, each once", () => {
  const router = new Router([
    ["PUT", "/a/:b", 0],
    ["GET", "/a/:b", 1],
    ["GET", "/a/**", 2],
    ["DELETE", "/a/b", 3],
  ]);
  assertEquals(router.methodsFor("/a/b"), ["DELETE", "GET", "PUT"]);
  assertEquals(router.methodsFor("/a"), ["GET"]);
  assertEquals(router.methodsFor("/x"), []);
});

Deno.test("Router methodsFor() is empty for a path that only OPTIONS routes match", () => {
  const router = new Router([
    ["OPTIONS", "/**", 0],
    ["OPTIONS", "/only", 1],
    ["OPTIONS", "*", 2],
    ["GET", "/a", 3],
    ["POST", "/b/:id", 4],
    ["PURGE", "/a", 5],
  ]);
  assertEquals(router.methodsFor("/a"), ["GET", "OPTIONS", "PURGE"]);
  assertEquals(router.methodsFor("/b/1"), ["OPTIONS", "POST"]);
  for (const path of ["/", "/x", "/b", "/only", "*"]) {
    assertEquals(router.methodsFor(path), [], path);
  }
});

Deno.test("Router methodsFor() returns one frozen list for the same methods", () => {
  const router = new Router([
    ["GET", "/a/:b", 0],
    ["PUT", "/a/:b", 1],
    ["GET", "/c", 2],
    ["PUT", "/**", 3],
  ]);
  const list = router.methodsFor("/a/1");
  assertEquals(list, ["GET", "PUT"]);
  assertEquals(Object.isFrozen(list), true);
  assertStrictEquals(router.methodsFor("/a/2"), list);
  assertStrictEquals(router.methodsFor("/c"), list);
  assertEquals(router.methodsFor("/d"), ["PUT"]);
  assertStrictEquals(router.methodsFor("d"), router.methodsFor(""));
});

Deno.test("Router knowsMethod() considers all routes, and case", () => {
  const router = new Router([["GET", "/a", 0], ["PURGE", "/:b", 1]]);
  assertEquals(router.knowsMethod("GET"), true);
  assertEquals(router.knowsMethod("PURGE"), true);
  assertEquals(router.knowsMethod("get"), false);
  assertEquals(router.knowsMethod("POST"), false);
});

Deno.test("Router without routes matches nothing", () => {
  const router = new RouterBuilder<number>().build();
  assertEquals(router.match("GET", "/"), undefined);
  assertEquals(router.methodsFor("/"), []);
  assertEquals(
    router.matchLiteral("GET", new Uint8Array(5), 0, 5),
    undefined,
  );
});

Deno.test("RouterBuilder build() does not change earlier routers", () => {
  const builder = new RouterBuilder<number>().add("GET", "/a", 0);
  const earlier = builder.build();
  const later = builder.add("GET", "/a", 1).add("GET", "/:b", 2).build();
  assertEquals(earlier.match("GET", "/a")?.value, 0);
  assertEquals(earlier.match("GET", "/b"), undefined);
  assertEquals(later.match("GET", "/a")?.value, 1);
  assertEquals(later.match("GET", "/b")?.value, 2);
  assertEquals(Object.isFrozen(earlier), true);
});

Deno.test("RouterBuilder add() rejects invalid methods and patterns", () => {
  const builder = new RouterBuilder<number>();
  for (const method of ["", "GE T", "GET\n", "GÉT", "G/T", "(GET)"]) {
    const { message } = assertThrows(
      () => builder.add(method, "/a", 0),
      TypeError,
    );
    assertEquals(
      message,
      `Cannot register route "/a": method ${
        JSON.stringify(method)
      } is not a token`,
    );
  }
  assertThrows(
    () => builder.add("GET", "/a/**/b", 0),
    TypeError,
    'Cannot register route "/a/**/b": "**" must be the last segment',
  );
  assertEquals(builder.build().knowsMethod("GET"), false);
});

Deno.test("Router constructor rejects what RouterBuilder add() rejects", () => {
  assertThrows(() => new Router([["GE T", "/a", 0]]), TypeError, "token");
  assertThrows(
    () => new Router([["GET", "a", 0]]),
    TypeError,
    'start with "/"',
  );
});

for (const method of ["get", "Post", "options", "connect"]) {
  Deno.test(`RouterBuilder.add() rejects ${method}, and says what to write`, () => {
    assertThrows(
      () => new RouterBuilder<number>().add(method, "/", 1),
      TypeError,
      `write "${method.toUpperCase()}"`,
    );
  });
}

Deno.test("RouterBuilder.add() accepts methods of any case that are not standard", () => {
  const router = new RouterBuilder<number>().add("brew", "/", 1).build();
  assertEquals(router.match("brew", "/")?.value, 1);
});
