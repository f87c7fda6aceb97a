import { assertEquals } from "@std/assert";
import { LiteralTable } from "../../router/literal_table.ts";

function find(
  table: LiteralTable<number>,
  method: string,
  path: string,
  { before = "", after = "" } = {},
): number | undefined {
  const bytes = new TextEncoder().encode(
    `${before}${method} ${path}${after}`,
  );
  const pathEnd = bytes.length - after.length;
  return table.find(bytes, before.length, pathEnd);
}

Deno.test("LiteralTable finds keys of every length, wherever they stand", () => {
  const paths = Array.from({ length: 40 }, (_, size) => "/" + "a".repeat(size));
  const table = new LiteralTable(
    paths.map((path, value) => ({ method: "GET", path, value })),
  );
  for (const [value, path] of paths.entries()) {
    assertEquals(find(table, "GET", path), value);
    for (const before of ["x", "xy", "xyz", "GET "]) {
      const around = { before, after: "aaaa HTTP/1.1" };
      assertEquals(find(table, "GET", path, around), value);
    }
  }
  assertEquals(find(table, "GET", "/" + "a".repeat(40)), undefined);
});

Deno.test("LiteralTable compares each octet", () => {
  const path = "/0123456789abcdef";
  const table = new LiteralTable([{ method: "GET", path, value: 7 }]);
  const key = new TextEncoder().encode(`GET ${path}`);
  assertEquals(table.find(key, 0, key.length), 7);
  for (let at = 0; at < key.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const changed = key.slice();
      changed[at] = (changed[at] ?? 0) ^ (1 << bit);
      assertEquals(table.find(changed, 0, changed.length), undefined);
    }
  }
});

Deno.test("LiteralTable tells method and path apart by the place of the SP", () => {
  const table = new LiteralTable([{ method: "GET", path: "/a", value: 7 }]);
  const bytes = new TextEncoder().encode("GET /a");
  assertEquals(table.find(bytes, 0, 6), 7);
  assertEquals(table.find(bytes, 0, 5), undefined);
  assertEquals(table.find(bytes, 1, 6), undefined);
  assertEquals(find(table, "GE", "T/a"), undefined);
});

Deno.test("LiteralTable confirms by octets what two keys with one hash mean", () => {
  // 32-bit FNV-1a is the same for both methods.
  const known = { method: "gwzx", path: "/a", value: 0 };
  const other = { method: "16cd", path: "/a", value: 1 };
  const alone = new LiteralTable([known]);
  assertEquals(find(alone, known.method, "/a"), 0);
  assertEquals(find(alone, other.method, "/a"), undefined);
  const both = new LiteralTable([known, other]);
  assertEquals(find(both, known.method, "/a"), 0);
  assertEquals(find(both, other.method, "/a"), 1);
});

Deno.test("LiteralTable finds nothing when it is empty", () => {
  assertEquals(find(new LiteralTable([]), "GET", "/"), undefined);
  assertEquals(
    new LiteralTable([]).find(new Uint8Array(), 0, 0),
    undefined,
  );
});

Deno.test("LiteralTable keeps 10,000 keys that differ in one place apart", () => {
  const entries = Array.from({ length: 10_000 }, (_, value) => ({
    method: value % 2 ? "GET" : "POST",
    path: `/api/v1/resource${value >> 1}/items`,
    value,
  }));
  const table = new LiteralTable(entries);
  for (const { method, path, value } of entries) {
    assertEquals(find(table, method, path), value);
    assertEquals(find(table, method, `${path}/`), undefined);
  }
});
