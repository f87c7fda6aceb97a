import { assertEquals } from "@std/assert";
import { acceptedCodings } from "../../files/content_coding.ts";

const cases: readonly (readonly [field: string | null, order: string])[] = [
  [null, "identity"],
  ["", "identity"],
  ["gzip", "gzip identity"],
  ["x-gzip", "gzip identity"],
  ["GZip", "gzip identity"],
  ["gzip, deflate, br, zstd", "br zstd gzip identity"],
  ["br;q=0.5, gzip;q=0.8, zstd", "zstd gzip br identity"],
  ["gzip;q=0.001", "gzip identity"],
  ["gzip;q=0", "identity"],
  ["gzip;q=0.000, br", "br identity"],
  ["identity, gzip;q=0.5", "identity gzip"],
  ["identity;q=0.5, gzip;q=0.4, br;q=0.6", "br identity gzip"],
  ["*", "br zstd gzip identity"],
  ["*;q=0", ""],
  ["identity;q=0", ""],
  ["gzip, identity;q=0", "gzip"],
  ["gzip, *;q=0", "gzip"],
  ["identity, *;q=0", "identity"],
  ["*, br;q=0", "zstd gzip identity"],
  ["gzip ; q=1.000", "gzip identity"],
  ["gzip;q=2", "identity"],
  ["gzip;q=1.5, br", "br identity"],
  ["gzip;level=1", "identity"],
  [",,gzip,", "gzip identity"],
];

Deno.test("acceptedCodings() orders by quality (RFC 9110 §12.4.2, §12.5.3)", () => {
  for (const [field, order] of cases) {
    const codings = acceptedCodings(field);
    const shown = codings.map((coding) => coding?.name ?? "identity").join(" ");
    assertEquals([field, shown], [field, order]);
  }
});
