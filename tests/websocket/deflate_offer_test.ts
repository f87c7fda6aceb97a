/** Parses `Sec-WebSocket-Extensions` and negotiates permessage-deflate, in tables (RFC 6455 §9.1, RFC 7692 §5, §7.1). */

import { assertEquals } from "@std/assert";
import {
  acceptDeflate,
  type DeflateSettings,
  parseExtensions,
} from "../../websocket/codec/deflate_offer.ts";

const parsed: readonly (readonly [value: string, expect: unknown])[] = [
  ["a", [{ name: "a", params: [] }]],
  ["A, b", [{ name: "a", params: [] }, { name: "b", params: [] }]],
  ["a;b", [{ name: "a", params: [["b", null]] }]],
  ["a ; b = c", [{ name: "a", params: [["b", "c"]] }]],
  ['a; b="c"', [{ name: "a", params: [["b", "c"]] }]],
  ['a; b="\\c"; d', [{ name: "a", params: [["b", "c"], ["d", null]] }]],
  ["a; b=1, c; d=2", [
    { name: "a", params: [["b", "1"]] },
    { name: "c", params: [["d", "2"]] },
  ]],
  ["a; b; b", [{ name: "a", params: [["b", null], ["b", null]] }]],
  ["a=b", null],
  ["a;", null],
  ["a,", [{ name: "a", params: [] }]],
  [", ,a, , b", [{ name: "a", params: [] }, { name: "b", params: [] }]],
  [",", []],
  [",".repeat(40) + "a", null],
  ["a b", null],
  ["a; b=", null],
  ['a; b="c d"', null],
  ['a; b=""', null],
  ['a; b="c', null],
  ["a; =b", null],
  ["é", null],
  ["a,".repeat(40) + "a", null],
];

for (const [value, expect] of parsed) {
  Deno.test(`parseExtensions() of ${JSON.stringify(value.slice(0, 40))}`, () => {
    assertEquals(parseExtensions(value), expect);
  });
}

const NAME = "permessage-deflate";
const ALONE = `${NAME}; server_no_context_takeover`;
const DEFAULTS: DeflateSettings = {
  serverNoContextTakeover: true,
  clientNoContextTakeover: false,
  serverMaxWindowBits: 15,
  clientMaxWindowBits: 15,
};

/** Offers, what the server allows, and its answer. */
const negotiated: readonly (readonly [
  offer: string,
  settings: Partial<DeflateSettings>,
  field: string | null,
])[] = [
  [NAME, {}, ALONE],
  ["x-other", {}, null],
  [`x-other, ${NAME}`, {}, ALONE],
  [`${NAME}; server_no_context_takeover`, {}, ALONE],
  [
    `${NAME}; client_no_context_takeover`,
    {},
    `${ALONE}; client_no_context_takeover`,
  ],
  [
    NAME,
    { clientNoContextTakeover: true },
    `${ALONE}; client_no_context_takeover`,
  ],
  [`${NAME}; client_max_window_bits`, {}, ALONE],
  [
    `${NAME}; client_max_window_bits`,
    { clientMaxWindowBits: 10 },
    `${ALONE}; client_max_window_bits=10`,
  ],
  [
    `${NAME}; client_max_window_bits=9`,
    { clientMaxWindowBits: 10 },
    `${ALONE}; client_max_window_bits=9`,
  ],
  [
    `${NAME}; client_max_window_bits=12`,
    { clientMaxWindowBits: 10 },
    `${ALONE}; client_max_window_bits=10`,
  ],
  [NAME, { clientMaxWindowBits: 10 }, null],
  [
    `${NAME}; server_max_window_bits=10`,
    {},
    `${ALONE}; server_max_window_bits=10`,
  ],
  [
    `${NAME}; server_max_window_bits=12`,
    { serverMaxWindowBits: 11 },
    `${ALONE}; server_max_window_bits=11`,
  ],
  [
    NAME,
    { serverMaxWindowBits: 11 },
    `${ALONE}; server_max_window_bits=11`,
  ],
  [`${NAME}; server_max_window_bits=8`, {}, null], // zlib cannot
  [`${NAME}; server_max_window_bits=8, ${NAME}`, {}, ALONE],
  [`${NAME}; server_max_window_bits`, {}, null],
  [`${NAME}; server_max_window_bits=7`, {}, null],
  [`${NAME}; server_max_window_bits=16`, {}, null],
  [`${NAME}; server_max_window_bits=09`, {}, null],
  [`${NAME}; client_max_window_bits=7`, {}, null],
  [`${NAME}; client_max_window_bits=1x`, {}, null],
  [`${NAME}; client_no_context_takeover=1`, {}, null],
  [`${NAME}; server_no_context_takeover=1`, {}, null],
  [`${NAME}; client_no_context_takeover; client_no_context_takeover`, {}, null],
  [NAME, { serverNoContextTakeover: false }, NAME],
  [
    `${NAME}; server_no_context_takeover`,
    { serverNoContextTakeover: false },
    ALONE,
  ],
  [
    `${NAME}; client_no_context_takeover; server_max_window_bits=9`,
    { serverNoContextTakeover: false },
    `${NAME}; client_no_context_takeover; server_max_window_bits=9`,
  ],
  [`${NAME}; unknown`, {}, null],
  [`${NAME}; unknown, ${NAME}; client_max_window_bits`, {}, ALONE],
];

for (const [offer, settings, field] of negotiated) {
  Deno.test(`acceptDeflate() of "${offer}" with ${JSON.stringify(settings)}`, () => {
    const accepted = acceptDeflate(parseExtensions(offer) ?? [], {
      ...DEFAULTS,
      ...settings,
    });
    assertEquals(accepted?.field ?? null, field);
  });
}
