import { assertEquals } from "@std/assert";
import { encodeLatin1 } from "../../codec/ascii.ts";
import { knownMethod } from "../../codec/methods.ts";

function known(text: string): string | undefined {
  return knownMethod(encodeLatin1(`<${text}>`), 1, 1 + text.length);
}

Deno.test("knownMethod() finds the methods of RFC 9110 and PATCH", () => {
  const methods = "GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH";
  for (const method of methods.split(" ")) assertEquals(known(method), method);
});

Deno.test("knownMethod() R9: compares byte by byte", () => {
  for (const text of ["", "get", "GE", "GETS", "G\xc5T", "PROPFIND", "Head"]) {
    assertEquals(known(text), undefined, text);
  }
});
