/** The part of Astro's context that the pages use. */

/** What a page is called with. */
export interface Call {
  readonly request: Request;
  readonly url: URL;
  readonly params: Readonly<Record<string, string | undefined>>;
  readonly cookies: {
    get(name: string): { readonly value: string } | undefined;
    set(name: string, value: string, options?: { httpOnly: boolean }): void;
  };
  redirect(path: string, status: number): Response;
}
