/** The URLs that a `fetch` is called with. Programs often use the same ones, so the last ones stay parsed. */

import { targetOf } from "./origin.ts";

/** A parsed URL, and what a request needs of it. */
export interface FetchUrl {
  readonly url: URL;
  /** The origin, which chooses the pool. */
  readonly origin: string;
  /** The request target. */
  readonly target: string;
  /** Whether it contains a user or a password. */
  readonly hasCredentials: boolean;
  /** Whether it needs no network. The runtime's own `fetch` reads it. */
  readonly isLocal: boolean;
}

/** How many URLs stay parsed. */
const MAX_URLS = 128;

/** Longest URL that stays parsed, in characters. */
const MAX_URL_LENGTH = 1024;

/** Parses URLs; see the file's header. */
export class FetchUrls {
  #known: Map<string, FetchUrl> = new Map();

  /**
   * Parses a URL.
   *
   * @throws {TypeError} If it is not absolute, or has another scheme than
   * `http`, `https`, `data` and `blob`.
   */
  parse(input: string | URL): FetchUrl {
    const text = String(input);
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const parsed = parseUrl(text);
    if (text.length <= MAX_URL_LENGTH) {
      if (this.#known.size >= MAX_URLS) this.#known.clear();
      this.#known.set(text, parsed);
    }
    return parsed;
  }
}

function parseUrl(text: string): FetchUrl {
  if (!URL.canParse(text)) {
    throw new TypeError(
      `Cannot fetch ${
        JSON.stringify(text.slice(0, 64))
      }: it is not an absolute URL`,
    );
  }
  const url = new URL(text);
  const { protocol } = url;
  if (!/^(?:https?|data|blob):$/.test(protocol)) {
    throw new TypeError(
      `Cannot fetch a URL of the scheme "${protocol}": it must be http:, https:, data: or blob:`,
    );
  }
  return {
    url,
    origin: url.origin,
    target: targetOf(url),
    hasCredentials: url.username !== "" || url.password !== "",
    isLocal: protocol === "data:" || protocol === "blob:",
  };
}
