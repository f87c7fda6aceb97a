import { assertEquals } from "@std/assert";
import { attachment } from "../../files/content_disposition.ts";

const cases: readonly (readonly [name: string, field: string])[] = [
  ["a.txt", 'attachment; filename="a.txt"'],
  ["a b (1).txt", 'attachment; filename="a b (1).txt"'],
  ['a"b.txt', `attachment; filename="a_b.txt"; filename*=UTF-8''a%22b.txt`],
  ["a\\b", `attachment; filename="a_b"; filename*=UTF-8''a%5Cb`],
  ["../x", `attachment; filename=".._x"; filename*=UTF-8''..%2Fx`],
  ["100%.txt", `attachment; filename="100_.txt"; filename*=UTF-8''100%25.txt`],
  [
    "naïve'.txt",
    `attachment; filename="na_ve'.txt"; filename*=UTF-8''na%C3%AFve%27.txt`,
  ],
  [
    "€ (*).txt",
    `attachment; filename="_ (*).txt"; filename*=UTF-8''%E2%82%AC%20%28%2A%29.txt`,
  ],
  ["💡", `attachment; filename="_"; filename*=UTF-8''%F0%9F%92%A1`],
  ["a\r\nb", `attachment; filename="a__b"; filename*=UTF-8''a%0D%0Ab`],
  ["\ud800", `attachment; filename="_"; filename*=UTF-8''%EF%BF%BD`],
];

Deno.test("attachment() encodes names of any kind (RFC 6266, RFC 8187)", () => {
  for (const [name, field] of cases) assertEquals(attachment(name), field);
});
