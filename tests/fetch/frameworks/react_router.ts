/** A build of React Router with routes that answer without a page. */

import { createRequestHandler } from "npm:react-router@7.18.6";
import { describeForm, slowly } from "./pieces.ts";

interface Call {
  readonly request: Request;
  readonly params: Record<string, string | undefined>;
}

type Answer = (call: Call) => Response | Promise<Response>;

/** The routes: path, loader and action. */
const ROUTES: Readonly<Record<string, { loader?: Answer; action?: Answer }>> = {
  "users/:id": {
    loader: ({ params, request }) =>
      Response.json({
        id: params.id,
        q: new URL(request.url).searchParams.get("q"),
      }),
  },
  json: {
    action: async ({ request }) =>
      Response.json(await request.json(), { status: 201 }),
  },
  text: {
    loader: () => new Response("plain", { headers: { "x-a": "b" } }),
  },
  html: {
    loader: () =>
      new Response("<p>é</p>", { headers: { "content-type": "text/html" } }),
  },
  empty: { loader: () => new Response(null, { status: 204 }) },
  redirect: {
    loader: () =>
      new Response(null, { status: 303, headers: { location: "/text" } }),
  },
  stream: { loader: () => new Response(slowly("a", "b", "c")) },
  sse: {
    loader: () =>
      new Response(slowly("event: count\n", "data: one\n\n"), {
        headers: { "content-type": "text/event-stream" },
      }),
  },
  cookies: {
    loader: ({ request }) => {
      const response = new Response("cookies");
      const name = request.headers.get("cookie");
      response.headers.append("set-cookie", `seen=${name}; HttpOnly`);
      response.headers.append("set-cookie", "b=2");
      return response;
    },
  },
  upload: {
    action: async ({ request }) =>
      Response.json(await describeForm(await request.formData())),
  },
  error: {
    loader: () => {
      throw new Error("on purpose");
    },
  },
};

const routes: Record<string, unknown> = {
  root: { id: "root", path: "", module: { default: () => null } },
};
for (const [path, module] of Object.entries(ROUTES)) {
  routes[path] = { id: path, path, parentId: "root", module };
}

// What a bundler writes; only the parts that requests without a page need.
const build = {
  routes,
  entry: {
    module: {
      default: (_: Request, status: number) => new Response("page", { status }),
      handleError: () => {},
    },
  },
  assets: {
    routes: {},
    entry: { module: "", imports: [] },
    url: "",
    version: "",
  },
  future: {},
  isSpaMode: false,
  ssr: true,
  prerender: [],
  publicPath: "/",
  assetsBuildDirectory: "",
  basename: "/",
  routeDiscovery: { mode: "initial" },
};

const handle = createRequestHandler(
  build as unknown as Parameters<typeof createRequestHandler>[0], // a bundler's output has no type
  "production",
);

/** Answers the requests of the test. */
export const app: { fetch(request: Request): Promise<Response> } = {
  fetch: (request) => handle(request),
};
