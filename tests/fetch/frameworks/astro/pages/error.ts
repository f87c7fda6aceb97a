export const GET = (): Response => {
  throw new Error("on purpose");
};
