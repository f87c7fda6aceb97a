/**
 * Finds the slots in which the runtime keeps the parts of its own `Request`,
 * `Headers` and `Response` objects: properties whose keys are symbols, known by
 * their descriptions. With them, the adapter fills a `Request` lazily and reads a
 * static `Response` body without a stream. Each group is tried out when it is
 * first needed, so that groups that a program does not use do not delay its start.
 * If the runtime keeps its parts elsewhere, the adapter uses the public interface.
 * Nothing global is changed.
 */

/** An object with the runtime's slots. */
export type Slotted = Record<symbol, unknown>;

/** The body of a message as the runtime keeps it. */
export interface InnerBody {
  /** A stream, or the bytes or string of a body that no stream was made of yet. */
  streamOrStatic:
    | ReadableStream<Uint8Array>
    | { body: Uint8Array<ArrayBuffer> | string; consumed: boolean };
  /** What the body was made of, or `null` if it was made of a stream. */
  readonly source: unknown;
  /** Whether the body is being read or was read. */
  unusable(): boolean;
  /** Whether the body was read from. */
  consumed(): boolean;
}

/** Creates a body of a stream, or of bytes. */
export type InnerBodyClass = new (
  content: InnerBody["streamOrStatic"],
) => InnerBody;

/** The keys of the slots of `Request`. */
export interface RequestKeys {
  /** Marks an object as one of the runtime's classes. */
  readonly brand: symbol;
  /** The request's parts; see `lazy_request.ts`. */
  readonly inner: symbol;
  /** The getter of the headers on the prototype. */
  readonly headers: symbol;
  /** The getter of the signal on the prototype. */
  readonly signal: symbol;
}

/** The slots of `Request`, which were tried out and act as expected. */
export interface RequestSlots extends RequestKeys {
  readonly InnerBody: InnerBodyClass;
}

/** A source of fields for a `Headers` object that has none of its own yet. */
export interface FieldSource {
  /** Returns the value of a field, or `null`. */
  header(name: string): string | null;
  /** All fields. */
  readonly headerList: [name: string, value: string][];
}

/** The slots of `Headers`. */
export interface HeadersSlots {
  readonly brand: symbol;
  /** The list of pairs, or `null` while they are with the source. */
  readonly list: symbol;
  /** The {@linkcode FieldSource}. */
  readonly source: symbol;
  /** Who may change the list. */
  readonly guard: symbol;
}

/** A response as the runtime keeps it. */
export interface InnerResponse {
  readonly type: string;
  readonly status: number;
  readonly statusMessage: string;
  readonly headerList: readonly (readonly [name: string, value: string])[];
  readonly body: InnerBody | null;
  /** Whether the runtime has decoded a body that it received. */
  readonly bodyDecoded?: boolean;
}

/** The slots of `Response`. */
export interface ResponseSlots {
  /** The {@linkcode InnerResponse}. */
  readonly inner: symbol;
  /** A string that is not in the inner response yet, or `null`. */
  readonly lazyBody: symbol;
  /** A `Content-Type` that is not in the inner list yet, or `null`. */
  readonly lazyType: symbol;
  /** Whether the lazy body was sent. */
  readonly lazyConsumed: symbol;
}

/** The type of a string without a type of its own, in the Fetch standard. */
export const TEXT_TYPE = "text/plain;charset=UTF-8";

function slotsOf(value: object): Slotted {
  return value as Slotted; // any object may have symbols as keys
}

/** Finds a symbol among the keys of an object. */
function findKey(value: object, description: string): symbol {
  const key = Object.getOwnPropertySymbols(value)
    .find((symbol) => symbol.description === description);
  if (key !== undefined) return key;
  throw new TypeError(`Cannot find slot ${JSON.stringify(description)}`);
}

/** Returns what `find` finds, or `null` if the runtime lacks it. */
export function attempt<T>(find: () => T): T | null {
  try {
    return find();
  } catch {
    return null; // the public interface is used instead
  }
}

/** As {@linkcode attempt}, at the first call of the returned function: finding something at the start would delay it. */
export function attemptOnce<T>(find: () => T): () => T | null {
  let found: T | null | undefined;
  return () => found === undefined ? found = attempt(find) : found;
}

function check(condition: boolean): void {
  if (!condition) throw new TypeError("Cannot use slots: they act differently");
}

const BRAND = "[[webidl.brand]]";

function requestKeysOf(sample: Request): RequestKeys {
  return {
    brand: findKey(sample, BRAND),
    inner: findKey(sample, "request"),
    headers: findKey(Request.prototype, "headers"),
    signal: findKey(Request.prototype, "signal"),
  };
}

/** The keys of the slots of `Request`, and the request in which they were found. */
export interface SampledKeys extends RequestKeys {
  readonly sample: Request;
}

/** Finds the keys of the slots of `Request`. Throws if they are missing. Only {@linkcode findRequestSlots} tries them out. */
export function findRequestKeys(): SampledKeys {
  const sample = new Request("http://a/");
  return { ...requestKeysOf(sample), sample };
}

/** Finds the slots of `Request`. Throws if they are missing or act differently. */
export function findRequestSlots(): RequestSlots {
  const sample = new Request("http://a/", { method: "POST", body: "b" });
  const keys = requestKeysOf(sample);
  const parts = slotsOf(sample)[keys.inner] as { body: InnerBody };
  const slots: RequestSlots = {
    ...keys,
    InnerBody: parts.body.constructor as InnerBodyClass,
  };
  const body = new slots.InnerBody({
    body: new Uint8Array([98]),
    consumed: false,
  });
  const made = Object.create(Request.prototype) as Request & Slotted;
  made[slots.brand] = slotsOf(sample)[slots.brand];
  made[slots.inner] = { ...parts, method: "PUT", url: () => "http://c/", body };
  const copy = new Request(made, { headers: { d: "e" } });
  check(copy.method === "PUT" && copy.url === "http://c/");
  check(copy.headers.get("d") === "e" && copy.body !== null);
  check(made.bodyUsed && body.unusable());
  return slots;
}

/** Finds the slots of `Headers`. Throws if they are missing or act differently. */
export function findHeadersSlots(): HeadersSlots {
  const sample = new Headers();
  const slots: HeadersSlots = {
    brand: findKey(sample, BRAND),
    list: findKey(sample, "header list"),
    source: findKey(sample, "header target"),
    guard: findKey(sample, "guard"),
  };
  const prototype = {};
  inheritHeaders(slots, prototype, () => ({
    header: (name) => `${name}!`,
    headerList: [["A", "b"], ["a", "c"]],
  }));
  const headers = Object.create(prototype) as Headers;
  check(headers.get("x") === "x!");
  check(JSON.stringify([...headers]) === '[["a","b, c"]]');
  let isImmutable = false;
  try {
    headers.set("a", "b");
  } catch {
    isImmutable = true;
  }
  check(isImmutable && new Headers(headers).get("A") === "b, c");
  return slots;
}

/** Makes immutable `Headers` of a class's objects, which ask the source. */
export function inheritHeaders(
  slots: HeadersSlots,
  prototype: object,
  sourceOf: (headers: object) => FieldSource,
): void {
  Object.setPrototypeOf(prototype, Headers.prototype);
  inheritKeys(prototype);
  const sample = new Headers();
  // The runtime sets slots on the object, which the prototype must allow.
  for (const key of Object.getOwnPropertySymbols(sample)) {
    if (key !== slots.source) slotsOf(prototype)[key] = slotsOf(sample)[key];
  }
  slotsOf(prototype)[slots.list] = null;
  slotsOf(prototype)[slots.guard] = "immutable";
  Object.defineProperties(prototype, {
    constructor: { value: Headers },
    [slots.source]: {
      get(this: object): FieldSource {
        return sourceOf(this);
      },
      // The runtime takes the source away when it has asked for the list.
      set(this: object, value: unknown): void {
        Object.defineProperty(this, slots.source, { value, writable: true });
      },
    },
  });
}

/** Makes the members of a prototype enumerable as on the runtime's, so that `for (const name in value)` finds them. */
export function inheritKeys(prototype: object): void {
  for (const name of Object.getOwnPropertyNames(prototype)) {
    const enumerable = name !== "constructor";
    Object.defineProperty(prototype, name, { enumerable });
  }
}

/** Finds the slots of `Response`. Throws if they are missing or act differently. */
export function findResponseSlots(): ResponseSlots {
  const sample = new Response("a");
  const slots: ResponseSlots = {
    inner: findKey(sample, "response"),
    lazyBody: findKey(sample, "lazy static body"),
    lazyType: findKey(sample, "lazy static content type"),
    lazyConsumed: findKey(sample, "serve fast consumed"),
  };
  const innerOf = (response: Response): InnerResponse =>
    slotsOf(response)[slots.inner] as InnerResponse;
  check(slotsOf(sample)[slots.lazyBody] === "a");
  check(innerOf(sample).body === null && innerOf(sample).status === 200);
  slotsOf(sample)[slots.lazyConsumed] = true;
  check(sample.bodyUsed);
  const listed = new Response("b", { status: 201, headers: { c: "d" } });
  const inner = innerOf(listed);
  const fields = JSON.stringify(inner.headerList);
  check(fields === `[["c","d"],["Content-Type","${TEXT_TYPE}"]]`);
  const { body } = inner;
  check(body !== null && "body" in body.streamOrStatic && !body.unusable());
  check(innerOf(Response.error()).type === "error");
  const typed = new Response("b", {
    headers: { "content-type": "text/plain" },
  });
  check(slotsOf(typed)[slots.lazyType] === "text/plain");
  check(innerOf(typed).headerList.length === 0);
  return slots;
}
