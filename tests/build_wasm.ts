// deno-lint-ignore-file no-console
/**
 * Compiles the SIMD head scanner and embeds it in base64: `deno task build:wasm`.
 * The generated file contains a hash of its source, which a test compares.
 */

import asc from "npm:assemblyscript@0.28.9/asc";

const folder = new URL("../codec/simd/", import.meta.url);
const source = await Deno.readTextFile(new URL("head_scanner.as", folder));

const { error, stderr, binary } = await compile(source);
if (error !== null || binary === null) {
  console.error(stderr);
  Deno.exit(1);
}

const hash = await crypto.subtle.digest(
  "SHA-256",
  new TextEncoder().encode(source),
);
const text = `/**
 * The head scanner as a WebAssembly module, generated from \`head_scanner.as\` by
 * \`deno task build:wasm\`. ${binary.length} bytes.
 */

/** SHA-256 of the source, in hexadecimal digits. */
export const SOURCE_HASH: string =
  "${new Uint8Array(hash).toHex()}";

/** The module, in base64. */
export const MODULE_BASE64: string =
  "${binary.toBase64()}";
`;
await Deno.writeTextFile(new URL("head_scanner_wasm.ts", folder), text);
console.log(`Wrote ${binary.length} bytes of WebAssembly`);

interface Compiled {
  readonly error: Error | null;
  readonly stderr: string;
  readonly binary: Uint8Array | null;
}

async function compile(source: string): Promise<Compiled> {
  let binary: Uint8Array | null = null;
  const args = [
    "scanner.ts",
    ..."--outFile scanner.wasm --runtime stub --enable simd,relaxed-simd -O3 --noAssert"
      .split(" "),
    ..."--converge --initialMemory 7 --maximumMemory 7".split(" "),
  ];
  const { error, stderr } = await asc.main(args, {
    readFile: (name: string) => name === "scanner.ts" ? source : null,
    writeFile: (name: string, contents: Uint8Array | string) => {
      if (name === "scanner.wasm" && typeof contents !== "string") {
        binary = contents;
      }
    },
    listFiles: () => [],
  });
  return { error, stderr: stderr.toString(), binary };
}
