import type { Call } from "../../call.ts";

export const GET = ({ params, url }: Call): Response =>
  Response.json({ id: params.id, q: url.searchParams.get("q") });
