export const GET = (): Response =>
  new Response("plain", { headers: { "x-a": "b" } });
