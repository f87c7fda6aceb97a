import { slowly } from "../../pieces.ts";

export const GET = (): Response =>
  new Response(slowly("event: count\n", "data: one\n\n"), {
    headers: { "content-type": "text/event-stream" },
  });
