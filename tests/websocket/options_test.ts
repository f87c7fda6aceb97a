/** What the options of WebSockets refuse, and what the messages advise. */

import { assertEquals, assertThrows } from "@std/assert";
import {
  resolveWebSocketOptions,
  type WebSocketOptions,
} from "../../websocket/options.ts";

const REFUSED: readonly [options: unknown, message: string][] = [
  [null, "Cannot set options to null: not an object such as { idleTimeout"],
  ["chat", 'Cannot set options to "chat": not an object'],
  [["chat"], "Cannot set options to an array: not an object"],
  [{ protocol: "chat" }, 'no such option; write protocols: ["name"]'],
  [{ perMessageDeflate: true }, "the name is permessageDeflate"],
  [{ maxPayload: 5 }, "the name is maxMessageBytes"],
  [{ compress: true }, 'Cannot set option "compress": no such option'],
  [{ protocols: "chat" }, 'protocols to "chat": not an array of strings'],
  [{ protocols: [5] }, "protocols to an array: not an array of strings"],
  [{ protocols: null }, "protocols to null: not an array of strings"],
  [{ protocols: ["a b"] }, 'Cannot accept subprotocol "a b": not a token'],
  [{ protocols: ["a", "a"] }, "one is named twice"],
  [{ idleTimeout: "30" }, 'idleTimeout to "30": not an integer from 1'],
  [{ idleTimeout: 0 }, "idleTimeout to 0: not an integer from 1"],
  [{ maxMessageBytes: {} }, "maxMessageBytes to an object: not an integer"],
  [{ permessageDeflate: "yes" }, 'permessageDeflate to "yes": not an object'],
  [{ permessageDeflate: null }, "permessageDeflate to null: not an object"],
  [{ permessageDeflate: { level: 9 } }, '"level": no such option'],
  [{ headers: "a: b" }, "Cannot set headers"],
  [{ headers: { "a b": "c" } }, 'Cannot use field name "a b"'],
  [{ headers: { a: "b\r\nc: d" } }, 'Cannot use value of field "a"'],
  [{ headers: { a: 5 } }, 'Cannot set field "a"'],
  [
    { headers: { "Sec-WebSocket-Protocol": "chat" } },
    'Cannot add field "Sec-WebSocket-Protocol": the handshake sets it',
  ],
  [{ headers: { "sec-websocket-extensions": "x" } }, "the handshake sets it"],
  [{ headers: { "sec-websocket-accept": "x" } }, "the handshake sets it"],
];

for (const [options, message] of REFUSED) {
  Deno.test(`resolveWebSocketOptions() refuses ${JSON.stringify(options)}`, () => {
    assertThrows(
      () => resolveWebSocketOptions(options as WebSocketOptions),
      Error,
      message,
    );
  });
}

Deno.test("resolveWebSocketOptions() takes undefined for every option", () => {
  const names = [
    ...["protocols", "headers", "maxMessageBytes", "maxBufferedBytes"],
    ...["idleTimeout", "writeTimeout", "closeTimeout", "permessageDeflate"],
  ];
  const given = Object.fromEntries(names.map((name) => [name, undefined]));
  assertEquals(
    { ...resolveWebSocketOptions(given), headers: null },
    { ...resolveWebSocketOptions({}), headers: null },
  );
});
