import type { Call } from "../call.ts";

export const GET = ({ redirect }: Call): Response => redirect("/text", 303);
