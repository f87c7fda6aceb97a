import { assertEquals } from "@std/assert";
import { decodePath } from "../../files/decode_path.ts";
import { Status } from "../../codec/status.ts";

const rules = { allowDotfiles: false, isWindows: false };

const cases: readonly (readonly [path: string, expect: string | number])[] = [
  ["/", "/"],
  ["/a", "a"],
  ["/a/", "a/"],
  ["/a/b.css", "a|b.css"],
  ["/caf%C3%A9", "café"],
  ["/a%20b+c", "a b+c"],
  ["/%2541", "%41"], // decoded once
  ["/%252e%252e", "%2e%2e"],
  ["/..a", 404], // begins with a dot
  ["/a..", "a.."],
  ["/.well-known/x", ".well-known|x"],
  ["/a/.well-known", 404],
  ["/.well-known/.x", 404],
  ["/.git/config", 404],
  ["/%2egit/config", 404],
  ["/..", 404],
  ["/.", 404],
  ["/a/../b", 404],
  ["/a/%2e%2E/b", 404],
  ["//a", 404],
  ["/a//", 404],
  ["/%", 400],
  ["/%4", 400],
  ["/%zz", 400],
  ["/%ff", "\udcff"], // not UTF-8
  ["/%c0%ae", "\udcc0\udcae"], // an overlong dot is two other bytes
  ["/%ed%a0%80", "\udced\udca0\udc80"], // half a surrogate pair
  ["/%ff%2f", 400],
  ["/%00", 400],
  ["/a%00.html", 400],
  ["/%2F", 400],
  ["/%2f..%2f", 400],
  ["/%5C", 400],
  ["/a\\b", 400],
  ["/%2e%2e/%2f", 400], // a bad name is bad, whatever stands before it
];

Deno.test("decodePath() decodes each name once, and refuses what is no name", () => {
  for (const [path, expect] of cases) {
    const found = decodePath(path, 0, rules);
    const shown = found instanceof Status
      ? found.code
      : found.names.join("|") + (found.isFolder ? "/" : "");
    assertEquals([path, shown], [path, expect]);
  }
});

Deno.test("decodePath() skips the segments before the name", () => {
  assertEquals(decodePath("/assets/a/b", 1, rules), {
    names: ["a", "b"],
    isFolder: false,
  });
  assertEquals(decodePath("/assets/", 1, rules), { names: [], isFolder: true });
  assertEquals(decodePath("/assets", 1, rules), { names: [], isFolder: false });
  assertEquals(decodePath("/a%ff/b/.well-known", 2, rules), {
    names: [".well-known"],
    isFolder: false,
  });
});

Deno.test("decodePath() allows dotfiles if told to, but never `..`", () => {
  const all = { ...rules, allowDotfiles: true };
  assertEquals(decodePath("/.env", 0, all), {
    names: [".env"],
    isFolder: false,
  });
  assertEquals(decodePath("/..", 0, all), Status.NOT_FOUND);
  assertEquals(decodePath("/a/.", 0, all), Status.NOT_FOUND);
});

const notOnWindows: readonly string[] = [
  "/C:",
  "/C:%20",
  "/file.txt::$DATA",
  "/file.txt:stream",
  "/a.",
  "/a%20",
  "/web.config.",
  "/CON",
  "/nul.txt",
  "/com1",
  "/LPT9.log",
  "/conin$",
  "/GIT~1/config",
  "/a%3Cb",
  "/a%22b",
  "/a%7Cb",
  "/a*b",
  "/a%3Fb",
  "/a%01b",
];

Deno.test("decodePath() refuses the names that Windows reads in another way", () => {
  const windows = { ...rules, isWindows: true };
  for (const path of notOnWindows) {
    const found = decodePath(path, 0, windows);
    assertEquals([path, found], [path, Status.NOT_FOUND]);
    assertEquals(decodePath(path, 0, rules) instanceof Status, false);
  }
  assertEquals(decodePath("/console.log", 0, windows), {
    names: ["console.log"],
    isFolder: false,
  });
});
