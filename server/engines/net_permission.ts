/** Checks the permission to listen, for sockets that the runtime does not open and check itself. */

/**
 * Requests the permission to listen on an address.
 *
 * @param port The port, or `null` for any port.
 * @throws {Deno.errors.NotCapable} If the permission is not granted.
 */
export function requireNetPermission(
  hostname: string,
  port: number | null,
): void {
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  const name = port === null ? host : `${host}:${port}`;
  const { state } = Deno.permissions.requestSync({ name: "net", host: name });
  if (state === "granted") return;
  throw new Deno.errors.NotCapable(
    `Cannot listen on ${name}: run with --allow-net=${name}`,
  );
}
