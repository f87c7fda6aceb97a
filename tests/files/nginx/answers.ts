/** Answers of a server of files in a form in which two servers can be compared. */

import { createHash } from "node:crypto";
import { RawClient, type RawResponse } from "../../support/raw_client.ts";
import { request } from "../../support/serve.ts";
import { Site } from "../../support/site.ts";
import {
  type FileRequest,
  MODIFIED_SECONDS,
  REQUESTS,
  SITE_FILES,
  SITE_LINKS,
} from "./requests.ts";

/** The members are `null` or absent where the answer has no such field. */
export type Answer = Readonly<Record<string, string | number>>;

/** Fields that are compared for every status. */
const FIELDS = ["location", "content-range", "vary", "allow"];

/** Fields of responses that describe a file. */
const FILE_FIELDS = [
  ...["content-type", "content-length", "content-encoding"],
  ...["last-modified"],
];

/** Bodies up to this many bytes are compared, and shown, as they are. */
const MAX_SHOWN_BYTES = 400;

/** Makes the folder that both servers serve. */
export async function makeComparedSite(): Promise<Site> {
  const site = await Site.make(SITE_FILES);
  for (const [name, target] of SITE_LINKS) {
    await Deno.symlink(target, `${site.path}/${name}`);
  }
  for (const name of Object.keys(SITE_FILES)) {
    await site.setModified(name, MODIFIED_SECONDS);
  }
  return site;
}

/** Sends all requests, each on a connection of its own. */
export async function collectAnswers(port: number): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const one of REQUESTS) {
    const fields = one.fields.includes("{")
      ? withTag(one.fields, await tagOf(port, one))
      : one.fields;
    answers.push(describe(await ask(port, { ...one, fields })));
  }
  return answers;
}

async function ask(
  port: number,
  { line, fields }: FileRequest,
): Promise<RawResponse> {
  using client = await RawClient.connect(port);
  return await client.ask(request(line, `${fields}Connection: close\r\n`));
}

async function tagOf(
  port: number,
  { line, fields }: FileRequest,
): Promise<string> {
  const [encoding = ""] = /^Accept-Encoding.*\r\n/m.exec(fields) ?? [];
  const { headers } = await ask(port, { line, fields: encoding });
  const tag = headers.get("etag");
  if (tag?.startsWith('"')) return tag;
  throw new Error(`Cannot compare: ${line} has no strong tag`);
}

function withTag(fields: string, tag: string): string {
  return fields.replaceAll("{etag}", tag).replaceAll("{weak}", `W/${tag}`);
}

function describe({ status, headers, body }: RawResponse): Answer {
  const answer: Record<string, string | number> = { status };
  const isFile = [200, 206, 304].includes(status) && !headers.has("allow");
  for (const name of isFile ? [...FIELDS, ...FILE_FIELDS] : FIELDS) {
    const value = headers.get(name);
    if (value !== undefined) answer[name] = value;
  }
  if (!isFile) return answer;
  if (headers.has("etag")) answer["etag"] = "a tag";
  const boundary = /boundary=(\S+)$/.exec(headers.get("content-type") ?? "")
    ?.[1];
  if (boundary === undefined) return { ...answer, body: shorten(body) };
  delete answer["content-length"]; // it depends on the length of the boundary
  return {
    ...answer,
    "content-type": "multipart/byteranges",
    // RFC 2046 §5.1.1: a line end before the first delimiter belongs to the preamble.
    body: shorten(body.replaceAll(boundary, "BOUNDARY").replace(/^\r\n/, "")),
  };
}

function shorten(body: string): string {
  return body.length <= MAX_SHOWN_BYTES
    ? body
    : `${body.length} bytes, ${
      createHash("sha256").update(body, "latin1").digest("hex")
    }`;
}
