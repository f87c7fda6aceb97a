import { assertEquals, assertThrows } from "@std/assert";
import { formatHttpDate, parseHttpDate } from "../../codec/http_date.ts";

const RFC_SECONDS = 784_111_777;
const YEAR_0 = -62_167_219_200;
const YEAR_9999_END = 253_402_300_799;
/** 2026-01-01T00:00:00Z. */
const NOW = 1_767_225_600;

/** The same second, formatted by the platform. */
function platformDate(seconds: number): string {
  return new Date(seconds * 1000).toUTCString();
}

Deno.test("formatHttpDate() R126: returns an IMF-fixdate in GMT", () => {
  for (
    const [seconds, expect] of [
      [RFC_SECONDS, "Sun, 06 Nov 1994 08:49:37 GMT"],
      [0, "Thu, 01 Jan 1970 00:00:00 GMT"],
      [-1, "Wed, 31 Dec 1969 23:59:59 GMT"],
      [951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"],
      [4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"],
      [2 ** 31, "Tue, 19 Jan 2038 03:14:08 GMT"],
      [YEAR_0, "Sat, 01 Jan 0000 00:00:00 GMT"],
      [YEAR_9999_END, "Fri, 31 Dec 9999 23:59:59 GMT"],
    ] as const
  ) assertEquals(formatHttpDate(seconds), expect);
});

Deno.test("formatHttpDate() agrees with the platform's calendar", () => {
  const day = 86_400;
  for (
    let seconds = YEAR_0;
    seconds <= YEAR_9999_END;
    seconds += 97 * day + 12_345
  ) {
    assertEquals(formatHttpDate(seconds), platformDate(seconds));
  }
  for (let year = 1890; year < 2110; year++) { // the seconds around the end of each month
    for (let month = 0; month < 12; month++) {
      const first = Date.UTC(year, month) / 1000;
      assertEquals(formatHttpDate(first), platformDate(first));
      assertEquals(formatHttpDate(first - 1), platformDate(first - 1));
    }
  }
});

Deno.test("formatHttpDate() rounds a fraction down", () => {
  assertEquals(
    formatHttpDate(RFC_SECONDS + 0.999),
    formatHttpDate(RFC_SECONDS),
  );
  assertEquals(formatHttpDate(-0.5), "Wed, 31 Dec 1969 23:59:59 GMT");
});

Deno.test("formatHttpDate() refuses times outside the years 0 to 9999", () => {
  for (
    const seconds of [YEAR_0 - 1, YEAR_9999_END + 1, NaN, Infinity, -Infinity]
  ) {
    assertThrows(
      () => formatHttpDate(seconds),
      RangeError,
      `Cannot format date: ${seconds} seconds are outside the years 0 to 9999`,
    );
  }
});

Deno.test("parseHttpDate() reads the three formats of RFC 9110 §5.6.7", () => {
  for (
    const [text, expect] of [
      ["Sun, 06 Nov 1994 08:49:37 GMT", RFC_SECONDS],
      ["Sunday, 06-Nov-94 08:49:37 GMT", RFC_SECONDS],
      ["Sun Nov  6 08:49:37 1994", RFC_SECONDS],
      ["Wed Nov 16 08:49:37 1994", RFC_SECONDS + 10 * 86_400],
      ["Tue, 29 Feb 2000 00:00:00 GMT", 951_782_400],
      ["Sat, 01 Jan 0000 00:00:00 GMT", YEAR_0],
      ["Fri, 31 Dec 9999 23:59:59 GMT", YEAR_9999_END],
      ["Sat, 31 Dec 2016 23:59:60 GMT", 1_483_228_800],
    ] as const
  ) assertEquals(parseHttpDate(text, NOW), expect, text);
});

Deno.test("parseHttpDate() reads what formatHttpDate() writes", () => {
  for (
    let seconds = YEAR_0;
    seconds <= YEAR_9999_END;
    seconds += 9_876_543_21
  ) {
    assertEquals(parseHttpDate(formatHttpDate(seconds), NOW), seconds);
  }
});

Deno.test("parseHttpDate() reads a two-digit year as at most 50 years ahead", () => {
  for (
    const [text, nowYear, expectYear] of [
      ["Wednesday, 01-Jan-76 00:00:00 GMT", 2026, 2076],
      ["Saturday, 01-Jan-77 00:00:00 GMT", 2026, 1977],
      ["Saturday, 01-Jan-00 00:00:00 GMT", 1994, 2000],
      ["Friday, 01-Jan-99 00:00:00 GMT", 2026, 1999],
      ["Wednesday, 01-Jan-10 00:00:00 GMT", 2090, 2110],
    ] as const
  ) {
    const nowSeconds = Date.UTC(nowYear, 6) / 1000;
    const expect = Date.UTC(expectYear, 0) / 1000;
    assertEquals(parseHttpDate(text, nowSeconds), expect, text);
  }
});

Deno.test("parseHttpDate() returns undefined for anything else", () => {
  for (
    const text of [
      "",
      "0",
      "784111777",
      "1994-11-06T08:49:37Z",
      "Mon, 06 Nov 1994 08:49:37 GMT", // it was a Sunday
      "Sunday, 06 Nov 1994 08:49:37 GMT",
      "Sun, 6 Nov 1994 08:49:37 GMT",
      "Sun, 06 Nov 94 08:49:37 GMT",
      "Sun, 06 nov 1994 08:49:37 GMT",
      "sun, 06 Nov 1994 08:49:37 GMT",
      "Sun, 06 Nov 1994 08:49:37 gmt",
      "Sun, 06 Nov 1994 08:49:37 UTC",
      "Sun, 06 Nov 1994 08:49:37 +0000",
      "Sun, 06 Nov 1994 08:49:37",
      "Sun, 06 Nov 1994 08:49:37 GMT ",
      " Sun, 06 Nov 1994 08:49:37 GMT",
      "Sun, 06 Nov 1994 08:49:37 GMT\n",
      "Sun,  06 Nov 1994 08:49:37 GMT",
      "Sun,\t06 Nov 1994 08:49:37 GMT",
      "Sun, 06 Nov 1994 8:49:37 GMT",
      "Sun, 06 Nov 1994 24:00:00 GMT",
      "Sun, 06 Nov 1994 08:60:37 GMT",
      "Sun, 06 Nov 1994 08:49:60 GMT",
      "Sun, 06 Nov 1994 08:49:61 GMT",
      "Wed, 00 Nov 1994 08:49:37 GMT",
      "Thu, 31 Nov 1994 08:49:37 GMT",
      "Mon, 29 Feb 2100 00:00:00 GMT",
      "Sat, 32 Dec 9999 00:00:00 GMT",
      "Sun, \u0660\u0666 Nov 1994 08:49:37 GMT",
      "Sun, 06-Nov-94 08:49:37 GMT",
      "Sunday, 06-Nov-1994 08:49:37 GMT",
      "Sunday, 6-Nov-94 08:49:37 GMT",
      "Sun Nov 6 08:49:37 1994",
      "Sun Nov 006 08:49:37 1994",
      "Sun Nov  6 08:49:37 1994 GMT",
      "Mon Nov  6 08:49:37 1994",
    ]
  ) assertEquals(parseHttpDate(text, NOW), undefined, text);
});
