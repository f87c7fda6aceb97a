/**
 * The response of a fetch handler that upgrades its connection instead of
 * answering. The web's `Response` cannot be made with status 101. What makes the
 * upgrade, such as a WebSocket, gives a function that is called when the handler
 * has returned the response.
 */

/** A response with status 101. */
export class UpgradeResponse extends Response {
  #upgrade: (headers: Headers) => void;

  /**
   * Creates the response.
   *
   * @param upgrade Upgrades the connection, with the fields that the handler has added to the response.
   */
  constructor(upgrade: (headers: Headers) => void) {
    super(null);
    this.#upgrade = upgrade;
    Object.defineProperties(this, {
      status: { value: 101 },
      statusText: { value: "Switching Protocols" },
      ok: { value: false },
    });
  }

  /**
   * Always throws, since a copy would not upgrade the connection.
   *
   * @throws {TypeError} Always.
   */
  override clone(): never {
    throw new TypeError(
      "Cannot clone the response of an upgrade: return the response itself; add fields to its headers",
    );
  }

  /** Upgrades the connection. */
  upgrade(): void {
    this.#upgrade(this.headers);
  }
}
