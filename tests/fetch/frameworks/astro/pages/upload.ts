import { describeForm } from "../../pieces.ts";
import type { Call } from "../call.ts";

export const POST = async ({ request }: Call): Promise<Response> =>
  Response.json(await describeForm(await request.formData()));
