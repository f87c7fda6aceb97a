import { assertEquals, assertInstanceOf } from "@std/assert";
import { systemError } from "../../../server/engines/system_error.ts";

Deno.test("systemError() uses the runtime's class and sets the code", () => {
  const cases: readonly (readonly [number, string, new () => Error])[] = [
    [98, "EADDRINUSE", Deno.errors.AddrInUse],
    [99, "EADDRNOTAVAIL", Deno.errors.AddrNotAvailable],
    [13, "EACCES", Deno.errors.PermissionDenied],
    [104, "ECONNRESET", Deno.errors.ConnectionReset],
    [103, "ECONNABORTED", Deno.errors.ConnectionAborted],
    [32, "EPIPE", Deno.errors.BrokenPipe],
    [107, "ENOTCONN", Deno.errors.NotConnected],
    [110, "ETIMEDOUT", Deno.errors.TimedOut],
    [24, "EMFILE", Error],
  ];
  for (const [errno, code, expected] of cases) {
    const error = systemError("do it", errno);
    assertInstanceOf(error, expected);
    assertEquals(error.message, `Cannot do it: ${code}`);
    assertEquals("code" in error && error.code, code);
  }
});

Deno.test("systemError() shows the number of an unknown error", () => {
  assertEquals(systemError("do it", 4095).message, "Cannot do it: errno 4095");
});

Deno.test("systemError() sets the stack if descriptors are out, since formatting it would need one", () => {
  for (const [errno, code] of [[23, "ENFILE"], [24, "EMFILE"]] as const) {
    const { stack } = systemError("do it", errno);
    assertEquals(stack, `Error: Cannot do it: ${code}`);
  }
});
