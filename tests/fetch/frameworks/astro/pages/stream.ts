import { slowly } from "../../pieces.ts";

export const GET = (): Response => new Response(slowly("a", "b", "c"));
