import { assert, assertEquals } from "@std/assert";
import {
  DEFAULT_BODY_LIMITS,
  DEFAULT_HEAD_LIMITS,
} from "../../codec/limits.ts";

Deno.test("DEFAULT_HEAD_LIMITS are the documented limits", () => {
  assertEquals({ ...DEFAULT_HEAD_LIMITS }, {
    maxMethodBytes: 32,
    maxTargetBytes: 8192,
    maxHeaderBytes: 16_384,
    maxHeaderCount: 100,
    maxBodyBytes: Infinity,
    maxRequestHeadSize: 32_768,
    strictTarget: false,
    acceptsHttps: true,
  });
});

Deno.test("DEFAULT_BODY_LIMITS are the documented limits", () => {
  assertEquals({ ...DEFAULT_BODY_LIMITS }, {
    maxBodyBytes: Infinity,
    maxChunkLineBytes: 1024,
    maxChunkOverheadBytes: 16_384,
    maxTrailerBytes: 8192,
    maxTrailerCount: 32,
  });
});

Deno.test("default limits cannot be changed", () => {
  assert(Object.isFrozen(DEFAULT_HEAD_LIMITS));
  assert(Object.isFrozen(DEFAULT_BODY_LIMITS));
});
