/** A raw WebSocket client on a real connection: it sends frames that the test makes, and reads frames by their heads. */

import { assertStringIncludes } from "@std/assert";
import { encodeLatin1 } from "../support/latin1.ts";
import type { RawClient } from "../support/raw_client.ts";
import { request, type TestServer } from "../support/serve.ts";
import type { FrameInit } from "../../websocket/codec/frame_encoder.ts";
import { encodeMasked } from "./frame_cases/case.ts";

/** The fields of a valid handshake; the key is that of RFC 6455 §1.3. */
export const HANDSHAKE = "Connection: Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Version: 13\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/** One frame of the server. */
export interface ReceivedFrame {
  /** FIN, reserved bits and opcode. */
  readonly first: number;
  readonly payload: string;
}

/** A connected client. */
export class FrameClient implements Disposable {
  #client: RawClient;
  /** The head of the response. */
  readonly head: string;

  private constructor(client: RawClient, head: string) {
    this.#client = client;
    this.head = head;
  }

  /** Opens a WebSocket at a path. */
  static async open(
    server: Pick<TestServer, "connect">,
    path = "/",
    fields = "",
  ): Promise<FrameClient> {
    const client = await server.connect();
    await client.send(request(`GET ${path}`, HANDSHAKE + fields));
    const head = await client.head();
    assertStringIncludes(head, "HTTP/1.1 101 ");
    return new FrameClient(client, head);
  }

  /** Sends frames with masks. */
  async send(...frames: FrameInit[]): Promise<void> {
    await this.sendBytes(encodeMasked(frames));
  }

  /** Sends bytes. */
  async sendBytes(bytes: Uint8Array): Promise<void> {
    let text = "";
    for (const byte of bytes) text += String.fromCharCode(byte);
    await this.#client.send(text);
  }

  /** Reads one frame. */
  async frame(): Promise<ReceivedFrame> {
    const head = encodeLatin1(await this.#client.take(2));
    const [first = 0, second = 0] = head;
    let size = second;
    if (second >= 126) {
      const length = encodeLatin1(
        await this.#client.take(second === 126 ? 2 : 8),
      );
      size = length.reduce((sum, byte) => sum * 256 + byte, 0);
    }
    return { first, payload: await this.#client.take(size) };
  }

  /** Reads a close frame and the end of the stream; returns code and reason. */
  async closed(): Promise<readonly [code: number, reason: string]> {
    const { first, payload } = await this.frame();
    if (first !== 0x88) throw new TypeError(`Not a close: ${first}`);
    const rest = await this.#client.toEnd();
    if (rest !== "") throw new TypeError(`Bytes after a close: ${rest}`);
    if (payload === "") return [1005, ""];
    const [high = 0, low = 0] = encodeLatin1(payload);
    return [(high << 8) | low, payload.slice(2)];
  }

  /** Ends the client's direction. */
  end(): Promise<void> {
    return this.#client.end();
  }

  /** Reads to the end of the stream. */
  toEnd(): Promise<string> {
    return this.#client.toEnd();
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}
