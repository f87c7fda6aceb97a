/**
 * Formats and parses HTTP dates (RFC 9110 §5.6.7). It writes IMF-fixdate and
 * reads all three formats. It does not read the clock: callers pass the current
 * time in seconds since 1970.
 */

import {
  COLON,
  COMMA,
  decodeLatin1,
  DIGIT_0,
  SP,
  writeLatin1,
} from "./ascii.ts";

/** Size of an IMF-fixdate in bytes: `Sun, 06 Nov 1994 08:49:37 GMT`. */
const HTTP_DATE_BYTES = 29;

const DAY_SECONDS = 86_400;
/** 0000-01-01T00:00:00Z: the grammar allows four digits for the year. */
const MIN_SECONDS = -62_167_219_200;
/** 9999-12-31T23:59:59Z. */
const MAX_SECONDS = 253_402_300_799;

const WEEKDAYS: readonly string[] = "Sun Mon Tue Wed Thu Fri Sat".split(" ");
const LONG_WEEKDAYS: readonly string[] =
  "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ");
const MONTHS: readonly string[] =
  "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

// The calendar repeats every 400 years, called an era here. Years are counted
// from March, so that the leap day comes last. The lengths of the months before
// it then repeat: 153 days for every five months.
const ERA_DAYS = 146_097;
const ERA_YEARS = 400;
/** Days from 0000-03-01 to 1970-01-01. */
const EPOCH_DAYS = 719_468;

/** Days since 1970-01-01 of a date in the Gregorian calendar; `month` is 1 to 12. */
function daysOf(year: number, month: number, day: number): number {
  const marchYear = month > 2 ? year : year - 1;
  const marchMonth = (month + 9) % 12;
  const era = Math.floor(marchYear / ERA_YEARS);
  const yearOfEra = marchYear - era * ERA_YEARS;
  return era * ERA_DAYS + yearOfEra * 365 + Math.floor(yearOfEra / 4) -
    Math.floor(yearOfEra / 100) + Math.floor((153 * marchMonth + 2) / 5) +
    day - 1 - EPOCH_DAYS;
}

/** The weekday of a number of days since 1970-01-01, a Thursday; 0 is Sunday. */
function weekdayOf(days: number): number {
  return (days % 7 + 11) % 7;
}

function writeTwoDigits(
  bytes: Uint8Array,
  offset: number,
  value: number,
): void {
  bytes[offset] = DIGIT_0 + Math.floor(value / 10);
  bytes[offset + 1] = DIGIT_0 + value % 10;
}

/** Writes `06 Nov 1994` for a number of days since 1970-01-01. */
function writeDay(bytes: Uint8Array, offset: number, days: number): void {
  const shifted = days + EPOCH_DAYS;
  const era = Math.floor(shifted / ERA_DAYS);
  const dayOfEra = shifted - era * ERA_DAYS;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - yearOfEra * 365 - Math.floor(yearOfEra / 4) +
    Math.floor(yearOfEra / 100);
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = (marchMonth + 2) % 12; // 0 for January
  const year = era * ERA_YEARS + yearOfEra + (month < 2 ? 1 : 0);
  writeTwoDigits(
    bytes,
    offset,
    dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1,
  );
  bytes[offset + 2] = SP;
  writeLatin1(bytes, offset + 3, MONTHS[month]!); // `month` is below 12
  bytes[offset + 6] = SP;
  writeTwoDigits(bytes, offset + 7, Math.floor(year / 100));
  writeTwoDigits(bytes, offset + 9, year % 100);
}

/**
 * Formats a time as an IMF-fixdate, the only date format that HTTP senders use
 * (RFC 9110 §5.6.7).
 *
 * @param epochSeconds Seconds since 1970-01-01T00:00:00Z, in the years 0 to 9999;
 * a fraction is rounded down.
 * @returns For example `Sun, 06 Nov 1994 08:49:37 GMT`.
 * @throws {RangeError} If the time is not a number or is outside these years.
 *
 * @example The date from the RFC
 * ```ts
 * import { formatHttpDate } from "@khttp/khttp/codec";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(formatHttpDate(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
 * ```
 */
export function formatHttpDate(epochSeconds: number): string {
  const bytes = new Uint8Array(HTTP_DATE_BYTES);
  const seconds = Math.floor(epochSeconds);
  if (!(seconds >= MIN_SECONDS && seconds <= MAX_SECONDS)) {
    throw new RangeError(
      `Cannot format date: ${epochSeconds} seconds are outside the years 0 to 9999`,
    );
  }
  const days = Math.floor(seconds / DAY_SECONDS);
  const time = seconds - days * DAY_SECONDS;
  writeLatin1(bytes, 0, WEEKDAYS[weekdayOf(days)]!); // a weekday is below 7
  bytes[3] = COMMA;
  bytes[4] = SP;
  writeDay(bytes, 5, days);
  bytes[16] = SP;
  writeTwoDigits(bytes, 17, Math.floor(time / 3600));
  bytes[19] = COLON;
  writeTwoDigits(bytes, 20, Math.floor(time / 60) % 60);
  bytes[22] = COLON;
  writeTwoDigits(bytes, 23, time % 60);
  writeLatin1(bytes, 25, " GMT");
  return decodeLatin1(bytes, 0, HTTP_DATE_BYTES);
}

const TIME = "(?<hour>[0-9]{2}):(?<minute>[0-9]{2}):(?<second>[0-9]{2})";
const MONTH = `(?<month>${MONTHS.join("|")})`;
const WEEKDAY = `(?<weekday>${WEEKDAYS.join("|")})`;

/** `Sun, 06 Nov 1994 08:49:37 GMT`. */
const IMF_FIXDATE = new RegExp(
  `^${WEEKDAY}, (?<day>[0-9]{2}) ${MONTH} (?<year>[0-9]{4}) ${TIME} GMT$`,
);
/** `Sunday, 06-Nov-94 08:49:37 GMT`. */
const RFC850_DATE = new RegExp(
  `^(?<weekday>${LONG_WEEKDAYS.join("|")}), ` +
    `(?<day>[0-9]{2})-${MONTH}-(?<shortYear>[0-9]{2}) ${TIME} GMT$`,
);
/** `Sun Nov  6 08:49:37 1994`. */
const ASCTIME_DATE = new RegExp(
  `^${WEEKDAY} ${MONTH} (?<day>[0-9]{2}| [0-9]) ${TIME} (?<year>[0-9]{4})$`,
);

/** The second of the day, or -1 if it is not valid. Only the last minute of a day may have a leap second. */
function timeOfDay(hour: number, minute: number, second: number): number {
  const isLeapSecond = hour === 23 && minute === 59 && second === 60;
  if (hour > 23 || minute > 59 || (second > 59 && !isLeapSecond)) return -1;
  return hour * 3600 + minute * 60 + second;
}

/** The seconds since 1970 of a parsed date, or `undefined` if the day does not exist or has another weekday. */
function secondsOf(
  parts: Readonly<Record<string, string | undefined>>,
  year: number,
): number | undefined {
  const month = MONTHS.indexOf(parts["month"] ?? "") + 1;
  const day = Number(parts["day"]);
  const days = daysOf(year, month, day);
  const next = month === 12
    ? daysOf(year + 1, 1, 1)
    : daysOf(year, month + 1, 1);
  if (day < 1 || days >= next) return undefined;
  if (WEEKDAYS[weekdayOf(days)] !== parts["weekday"]?.slice(0, 3)) {
    return undefined;
  }
  const time = timeOfDay(
    Number(parts["hour"]),
    Number(parts["minute"]),
    Number(parts["second"]),
  );
  return time < 0 ? undefined : days * DAY_SECONDS + time;
}

/** Seconds in a mean Gregorian year; exact enough for the 50-year rule. */
const MEAN_YEAR_SECONDS = 31_556_952;

/** The latest year with these last two digits that is at most 50 years ahead. */
function fullYear(shortYear: number, nowSeconds: number): number {
  const latest = 1970 + Math.floor(nowSeconds / MEAN_YEAR_SECONDS) + 50;
  return latest - (latest - shortYear) % 100;
}

/**
 * Parses a date in any of the three HTTP formats (RFC 9110 §5.6.7).
 *
 * It is strict: case and white space must match, and the day must exist and fall
 * on the given weekday.
 *
 * @param text The date without surrounding white space.
 * @param nowSeconds The current time in seconds since 1970, for dates with a
 * two-digit year: a year that would be more than 50 years ahead means the latest
 * past year with the same digits.
 * @returns Seconds since 1970-01-01T00:00:00Z, or `undefined` if `text` is not a
 * date; recipients then ignore a conditional field (RFC 9110 §13.1.3).
 *
 * @example The obsolete format with a two-digit year
 * ```ts
 * import { parseHttpDate } from "@khttp/khttp/codec";
 * import { assertEquals } from "@std/assert";
 *
 * const now = Date.UTC(2026, 0, 1) / 1000;
 * const seconds = parseHttpDate("Sunday, 06-Nov-94 08:49:37 GMT", now);
 * assertEquals(seconds, 784111777);
 * ```
 */
export function parseHttpDate(
  text: string,
  nowSeconds: number,
): number | undefined {
  const parts = (IMF_FIXDATE.exec(text) ?? ASCTIME_DATE.exec(text))?.groups;
  if (parts !== undefined) return secondsOf(parts, Number(parts["year"]));
  const shortParts = RFC850_DATE.exec(text)?.groups;
  if (shortParts === undefined) return undefined;
  return secondsOf(
    shortParts,
    fullYear(Number(shortParts["shortYear"]), nowSeconds),
  );
}
