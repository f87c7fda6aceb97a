import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { type ParamNames, Params } from "../../router/params.ts";

Deno.test("Params get() gives the raw segments", () => {
  const path = "/one/t%20wo//three";
  const params = new Params(path, {
    paramNames: ["a", "b", "c"],
    paramSegments: [0, 1, 3],
  });
  assertEquals(params.get("a"), "one");
  assertEquals(params.get("b"), "t%20wo");
  assertEquals(params.get("c"), "three");
  assertEquals(params.get("a"), "one");
});

Deno.test("Params has(), names and size describe the params", () => {
  const params = new Params("/one/two", {
    paramNames: ["b", "a"],
    paramSegments: [0, 1],
  });
  assertEquals(params.has("a"), true);
  assertEquals(params.has("A"), false);
  assertEquals(params.names, ["b", "a"]);
  assertEquals(params.size, 2);
});

Deno.test("Params return undefined for unknown names", () => {
  const params = new Params("/one", { paramNames: ["a"], paramSegments: [0] });
  for (const name of ["b", "", "__proto__", "constructor", "toString", "0"]) {
    assertEquals(params.has(name), false, name);
    assertEquals(params.get(name), undefined, name);
    assertEquals(params.decoded(name), undefined, name);
  }
});

Deno.test("Params treat __proto__ as a name like any other", () => {
  const params = new Params("/one/two", {
    paramNames: ["__proto__", "constructor"],
    paramSegments: [0, 1],
  });
  assertEquals(params.get("__proto__"), "one");
  assertEquals(params.get("constructor"), "two");
  assertStrictEquals(Object.getPrototypeOf(params), Params.prototype);
});

Deno.test("Params iterate over names and raw values in order", () => {
  const params = new Params("/x/1/%41", {
    paramNames: ["n", "m"],
    paramSegments: [1, 2],
  });
  assertEquals([...params], [["n", "1"], ["m", "%41"]]);
});

Deno.test("Params decoded() decodes percent-encoded UTF-8", () => {
  const cases: [raw: string, text: string][] = [
    ["plain", "plain"],
    ["caf%C3%A9", "café"],
    ["%f0%9f%a6%95", "🦕"],
    ["a%2Fb", "a/b"],
    ["%00", "\0"],
    ["a+b", "a+b"],
    ["%2541", "%41"],
  ];
  for (const [raw, text] of cases) {
    const params = new Params(`/x/${raw}/y`, {
      paramNames: ["p"],
      paramSegments: [1],
    });
    assertEquals(params.decoded("p"), text);
    assertEquals(params.get("p"), raw);
  }
});

Deno.test("Params decoded() throws URIError for what it cannot decode", () => {
  for (const raw of ["%", "%4", "%zz", "a%2", "%ff", "%C3", "%C0%AF"]) {
    const params = new Params(`/${raw}`, {
      paramNames: ["p"],
      paramSegments: [0],
    });
    const error = assertThrows(() => params.decoded("p"), URIError);
    assertEquals(
      error.message,
      `Cannot decode param "p": ${
        JSON.stringify(raw)
      } is not percent-encoded UTF-8`,
    );
    assertEquals(params.get("p"), raw);
  }
});

Deno.test("Params decoded() cuts a long segment short in its message", () => {
  const params = new Params("/%" + "x".repeat(9000), {
    paramNames: ["p"],
    paramSegments: [0],
  });
  const { message } = assertThrows(() => params.decoded("p"), URIError);
  assertEquals(message.length < 150, true);
});

Deno.test("Params.empty has no params", () => {
  assertEquals(Params.empty.size, 0);
  assertEquals(Params.empty.names, []);
  assertEquals([...Params.empty], []);
  assertEquals(Params.empty.get("a"), undefined);
});

/** Compiles only if both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends
  (<T>() => T extends B ? 1 : 2) ? true : false;

Deno.test("ParamNames lists the param names of a pattern as literals", () => {
  const checks: readonly true[] = [
    true satisfies Same<ParamNames<"/user/:id">, "id">,
    true satisfies Same<ParamNames<"/:a/b/:c/*/:d/**">, "a" | "c" | "d">,
    true satisfies Same<ParamNames<"/:id/">, "id">,
    true satisfies Same<ParamNames<"//:id">, "id">,
    true satisfies Same<ParamNames<"/">, never>,
    true satisfies Same<ParamNames<"/a:b/*">, never>,
    true satisfies Same<ParamNames<"/**">, never>,
    true satisfies Same<ParamNames<"*">, never>,
    true satisfies Same<ParamNames<string>, string>,
    true satisfies Same<ParamNames<"/:a" | "/:b">, "a" | "b">,
    // @ts-expect-error the pattern captures "id"
    true satisfies Same<ParamNames<"/user/:id">, "nmae">,
  ];
  assertEquals(checks.length, 11);
});

Deno.test("ParamNames follows long patterns", () => {
  type Ten = "/a/b/c/d/e/f/g/h/i/:x";
  type Long = `${Ten}${Ten}${Ten}${Ten}${Ten}${Ten}${Ten}${Ten}${Ten}/:last`;
  const check = true satisfies Same<ParamNames<Long>, "x" | "last">;
  assertEquals(check, true);
});

Deno.test("Params with known names read strings and refuse other names", () => {
  const params = new Params<ParamNames<"/user/:id">>("/user/7%20", {
    paramNames: ["id"],
    paramSegments: [1],
  });
  const raw: string = params.get("id");
  const decoded: string = params.decoded("id");
  assertEquals([raw, decoded], ["7%20", "7 "]);
  // @ts-expect-error the pattern has no such param
  assertEquals(params.get("nmae"), undefined);
  // @ts-expect-error the pattern has no such param
  assertEquals(params.decoded("nmae"), undefined);
  const general: Params = params;
  // @ts-expect-error may be undefined where the names are not known
  const text: string = general.get("id");
  assertEquals(text, "7%20");
  // @ts-expect-error nothing says that the pattern has this param
  const narrowed: Params<"id"> = general;
  assertEquals(narrowed.get("id"), "7%20");
});

Deno.test("Params of a pattern without params refuse every name", () => {
  const params = new Params<ParamNames<"/a">>("/a", {
    paramNames: [],
    paramSegments: [],
  });
  // @ts-expect-error the pattern has no params
  assertEquals(params.get("id"), undefined);
});
