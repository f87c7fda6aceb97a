/** Fails when a version of the runtime keeps its read operation, or the number of a connection, elsewhere. */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import type { Duplex } from "../../../server/duplex.ts";
import {
  END_SIZE,
  RuntimeReader,
} from "../../../server/engines/runtime_reader.ts";
import { withDeadline } from "../../support/with_deadline.ts";

/** Calls `use` with both ends of a connection, which is closed afterwards. */
async function withConnection(
  use: (served: Deno.TcpConn, peer: Deno.TcpConn) => Promise<void>,
): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const [served, peer] = await Promise.all([
    listener.accept(),
    Deno.connect({ hostname: "127.0.0.1", port }),
  ]);
  try {
    await withDeadline(use(served, peer), 5000);
  } finally {
    for (const conn of [served, peer]) {
      try {
        conn.close();
      } catch {
        // the test has closed it
      }
    }
  }
}

Deno.test("RuntimeReader reads what Conn.read() reads, and its end", async () => {
  await withConnection(async (served, peer) => {
    const reader = RuntimeReader.maybeOf(served);
    assert(reader !== null, "the runtime has changed");
    const buffer = new Uint8Array(8);
    const reading = reader.read(buffer); // it waits for the bytes
    await peer.write(new TextEncoder().encode("abc"));
    assertEquals(await reading, 3);
    assertEquals(buffer, new Uint8Array([97, 98, 99, 0, 0, 0, 0, 0]));
    await peer.write(new TextEncoder().encode("defg"));
    assertEquals(await reader.read(buffer.subarray(0, 2)), 2);
    assertEquals(await served.read(buffer), 2); // both read the same stream
    await peer.closeWrite();
    assertEquals(await reader.read(buffer), END_SIZE);
    assertEquals(await served.read(buffer), null);
  });
});

Deno.test("RuntimeReader.readThen() gives sizes, null at the end, and the error of a closed connection", async () => {
  await withConnection(async (served, peer) => {
    const reader = RuntimeReader.maybeOf(served)!; // see the first test
    const read = (): Promise<number | null> =>
      new Promise((resolve, reject) =>
        reader.readThen(new Uint8Array(8), resolve, reject)
      );
    await peer.write(new TextEncoder().encode("abc"));
    assertEquals(await read(), 3);
    await peer.closeWrite();
    assertEquals(await read(), null);
    served.close();
    await assertRejects(read, Deno.errors.BadResource);
  });
});

Deno.test("a pending read of RuntimeReader rejects as one of Conn.read() does when the connection closes", async () => {
  const [own, other] = [[], []] as [unknown[], unknown[]];
  for (const errors of [own, other]) {
    await withConnection(async (served) => {
      const reader = errors === own ? RuntimeReader.maybeOf(served) : served;
      const reading = reader!.read(new Uint8Array(8)); // see the first test
      served.close();
      const { name, message } = await assertRejects(() => reading, Error);
      errors.push(name, message);
    });
  }
  assertEquals(own, other);
});

Deno.test("RuntimeReader.maybeOf() returns null for other duplexes, and for connections whose read() was replaced", async () => {
  const made: Duplex = {
    read: () => Promise.resolve(null),
    write: (bytes) => Promise.resolve(bytes.length),
    close: () => {},
  };
  assertStrictEquals(RuntimeReader.maybeOf(made), null);
  await withConnection((served) => {
    served.read = () => Promise.resolve(null);
    assertStrictEquals(RuntimeReader.maybeOf(served), null);
    return Promise.resolve();
  });
});
