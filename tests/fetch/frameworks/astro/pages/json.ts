import type { Call } from "../call.ts";

export const POST = async ({ request }: Call): Promise<Response> =>
  Response.json(await request.json(), { status: 201 });
