import type { Call } from "../call.ts";

export const GET = ({ cookies }: Call): Response => {
  const seen = cookies.get("name")?.value ?? "nothing";
  cookies.set("seen", seen, { httpOnly: true });
  cookies.set("b", "2");
  return new Response("cookies");
};
