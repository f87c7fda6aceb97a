/**
 * The route sets for the comparison of routers, and the requests to look up:
 * the literal routes of the Rust crate's benchmark, and the routes of a REST
 * API. They use only what every peer supports: literals, params, and a wildcard
 * for the rest of the path. router_peers.ts translates them for each peer.
 */

/** The methods that the routes use. */
export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** One route, in the syntax of this package. */
export interface Route {
  /** The method. */
  readonly method: Method;
  /** The pattern. */
  readonly pattern: string;
  /** Its index in the set, which identifies it in results. */
  readonly number: number;
  /** The names of its params from left to right. */
  readonly names: readonly string[];
}

/** One look-up. */
export interface Request {
  /** The method, one of the routes' own. */
  readonly method: Method;
  /** The raw path. */
  readonly path: string;
}

/** Routes, requests that match one of them, and requests that match none. */
export interface RouteSet {
  /** The name of the set in the tables. */
  readonly name: string;
  /** The routes; where two match one path, the literal one comes first. */
  readonly routes: readonly Route[];
  /** Requests that match a route. */
  readonly hits: readonly Request[];
  /** Requests that match none. */
  readonly misses: readonly Request[];
}

/** Returns the internalized copy of a string, which V8 also uses for string literals in source code. */
export function asConstant(text: string): string {
  return Object.keys({ [text]: true })[0] ?? text;
}

function toRoute(method: Method, pattern: string, number: number): Route {
  const names = [...pattern.matchAll(/:(\w+)/g)]
    .map(([, name = ""]) => asConstant(name));
  return { method, pattern, number, names };
}

function requestsFor(lines: string): Request[] {
  return lines.trim().split("\n").map((line) => {
    const [method, path = ""] = line.trim().split(" ");
    return { method: method as Method, path }; // only these methods occur below
  });
}

/** `/` and `/route0` to `/route999`; the requests ask for every fifth. */
export function literalRoutes(): RouteSet {
  const paths = ["/", ...Array.from({ length: 1000 }, (_, i) => `/route${i}`)];
  const routes = paths.map((path, number) => toRoute("GET", path, number));
  const hits = routes.filter(({ number }) => number % 5 === 0)
    .map(({ method, pattern }) => ({ method, path: pattern }));
  const misses = requestsFor(`
    GET /route1000
    GET /route99x
    GET /rout
    GET /routes
    GET /route12/x
    GET /router7
    GET /Route123
    GET /index.html
    GET /favicon.ico
    GET /route
    GET /user/17
    GET /routf500
    GET /static/js/main.8f3a9c.js
    GET /wp-login.php
    GET /roude42
    GET /xoute421`);
  return { name: "1,001 literal routes", routes, hits, misses };
}

/**
 * Routes of a code host's REST API. A line has methods and a path. Where more
 * words follow, each is a suffix of the path and makes one route; `.` is the
 * empty suffix.
 */
const API_ROUTES = `
GET /
GET /meta
GET /zen
GET /events
GET /feeds
GET /emojis
GET /rate_limit
POST /markdown
POST /markdown/raw
GET /licenses . /:license
GET /gitignore/templates . /:name
GET /codes_of_conduct . /:key
GET /app
GET /app/hook/config
PATCH /app/hook/config
GET /app/installations . /:installation_id
DELETE /app/installations/:installation_id
POST /app/installations/:installation_id/access_tokens
PUT,DELETE /app/installations/:installation_id/suspended
GET /apps/:app_slug
GET,DELETE /applications/:client_id/grant
POST,PATCH,DELETE /applications/:client_id/token
GET,POST /user/repos
GET,POST /user/keys
GET,DELETE /user/keys/:key_id
GET,POST,DELETE /user/emails
GET /user . /followers /following /issues /orgs /teams /starred /subscriptions
PATCH /user
PUT,GET,DELETE /user/following/:username
PUT,GET,DELETE /user/starred/:owner/:repo
GET /user/installations . /:installation_id/repositories
GET /user/memberships/orgs . /:org
PATCH /user/memberships/orgs/:org
GET /users . /:username
GET /users/:username /events /followers /following /gists /keys /orgs /repos
GET /users/:username /received_events /starred /subscriptions /hovercard
GET /users/:username/events /public /orgs/:org
GET /users/:username/following/:target_user
GET,POST /gists
GET /public/gists
GET /starred/gists
GET,PATCH,DELETE /gists/:gist_id
GET,POST /gists/:gist_id/comments
GET,PATCH,DELETE /gists/:gist_id/comments/:comment_id
GET /gists/:gist_id/commits
GET,POST /gists/:gist_id/forks
GET,PUT,DELETE /gists/:gist_id/star
GET /gists/:gist_id/revisions/:sha
GET /notifications
PUT /notifications
GET,PATCH /notifications/threads/:thread_id
GET,PUT,DELETE /notifications/threads/:thread_id/subscription
GET /search /code /commits /issues /labels /repositories /topics /users
GET /organizations
GET,PATCH /orgs/:org
GET /orgs/:org /events /issues /members /outside_collaborators /public_members
GET,POST /orgs/:org/hooks
GET,PATCH,DELETE /orgs/:org/hooks/:hook_id
POST /orgs/:org/hooks/:hook_id/pings
GET,DELETE /orgs/:org/members/:username
GET,PUT,DELETE /orgs/:org/memberships/:username
GET,PUT,DELETE /orgs/:org/public_members/:username
GET,POST /orgs/:org/repos
GET,POST /orgs/:org/teams
GET,PATCH,DELETE /orgs/:org/teams/:team_slug
GET /orgs/:org/teams/:team_slug /members /repos /teams
GET,PUT,DELETE /orgs/:org/teams/:team_slug/memberships/:username
GET,PUT,DELETE /orgs/:org/teams/:team_slug/repos/:owner/:repo
GET /orgs/:org/actions/secrets . /:secret_name
GET /orgs/:org/actions/public-key
PUT,DELETE /orgs/:org/actions/secrets/:secret_name
GET,PATCH,DELETE /repos/:owner/:repo
GET /repos/:owner/:repo /assignees /branches /collaborators /commits /contributors
GET /repos/:owner/:repo /events /languages /license /readme /stargazers
GET /repos/:owner/:repo /subscribers /tags /teams /traffic/clones /traffic/views
GET /repos/:owner/:repo/actions /artifacts /runs /workflows /secrets
GET,DELETE /repos/:owner/:repo/actions/artifacts/:artifact_id
GET,DELETE /repos/:owner/:repo/actions/runs/:run_id
GET /repos/:owner/:repo/actions/runs/:run_id /artifacts /jobs /logs /timing
POST /repos/:owner/:repo/actions/runs/:run_id /cancel /rerun /approve
POST /repos/:owner/:repo/actions/workflows/:workflow_id/dispatches
GET /repos/:owner/:repo/archive/:ref
GET /repos/:owner/:repo/assignees/:assignee
GET /repos/:owner/:repo/branches/:branch
GET,PUT,DELETE /repos/:owner/:repo/branches/:branch/protection
GET,PUT,DELETE /repos/:owner/:repo/collaborators/:username
GET,PATCH,DELETE /repos/:owner/:repo/comments/:comment_id
GET /repos/:owner/:repo/commits/:ref /check-runs /comments /pulls /status
GET /repos/:owner/:repo/compare/:basehead
GET,PUT,DELETE /repos/:owner/:repo/contents/:path
GET,POST /repos/:owner/:repo/deployments
GET,POST /repos/:owner/:repo/deployments/:deployment_id/statuses
GET,POST /repos/:owner/:repo/forks
POST /repos/:owner/:repo/git /blobs /commits /refs /tags /trees
GET /repos/:owner/:repo/git /blobs/:file_sha /commits/:commit_sha /trees/:tree_sha
GET,PATCH,DELETE /repos/:owner/:repo/git/refs/:ref
GET,POST /repos/:owner/:repo/hooks
GET,PATCH,DELETE /repos/:owner/:repo/hooks/:hook_id
GET,POST /repos/:owner/:repo/issues
GET,PATCH /repos/:owner/:repo/issues/:issue_number
GET,POST /repos/:owner/:repo/issues/:issue_number/comments
GET,POST,PUT,DELETE /repos/:owner/:repo/issues/:issue_number/labels
DELETE /repos/:owner/:repo/issues/:issue_number/labels/:name
PUT,DELETE /repos/:owner/:repo/issues/:issue_number/lock
GET,POST /repos/:owner/:repo/keys
GET,POST /repos/:owner/:repo/labels
GET,PATCH,DELETE /repos/:owner/:repo/labels/:name
GET,POST /repos/:owner/:repo/milestones
GET,PATCH,DELETE /repos/:owner/:repo/milestones/:milestone_number
GET,POST /repos/:owner/:repo/pulls
GET,PATCH /repos/:owner/:repo/pulls/:pull_number
GET /repos/:owner/:repo/pulls/:pull_number /commits /files /requested_reviewers
GET,PUT /repos/:owner/:repo/pulls/:pull_number/merge
GET,POST /repos/:owner/:repo/pulls/:pull_number/reviews
GET,POST /repos/:owner/:repo/releases
GET /repos/:owner/:repo/latest-release
GET,PATCH,DELETE /repos/:owner/:repo/releases/:release_id
GET,PATCH /repos/:owner/:repo/check-runs/:check_run_id
GET,PATCH,DELETE /repos/:owner/:repo/pull-comments/:comment_id
GET,PUT /repos/:owner/:repo/topics
GET,POST,DELETE /repos/:owner/:repo/pages
GET,POST /repos/:owner/:repo/pages/builds
GET,PUT,DELETE /repos/:owner/:repo/subscription
GET,PATCH,DELETE /repos/:owner/:repo/environments/:environment_name
GET /repos/:owner/:repo/stats /code_frequency /commit_activity /contributors /participation
GET /repos/:owner/:repo/tarball/:ref
GET /assets/**
GET /docs/**
GET,DELETE /repos/:owner/:repo/invitations/:invitation_id
GET /repos/:owner/:repo/code-scanning/alerts . /:alert_number /:alert_number/instances
GET /raw/**
`;

/** Requests of a client of that API. */
const API_HITS = `
GET /
GET /rate_limit
GET /user
GET /user/repos
GET /public/gists
GET /search/repositories
GET /notifications
POST /markdown
GET /licenses/apache-2.0
GET /users/torvalds
GET /users/torvalds/repos
GET /users/torvalds/events/public
GET /users/torvalds/events/orgs/kernel
GET /gists/aa5a315d61ae9438b18d
GET /gists/aa5a315d61ae9438b18d/comments/1
PUT /gists/aa5a315d61ae9438b18d/star
PUT /user/starred/denoland/std
DELETE /user/following/ry
GET /orgs/denoland
GET /orgs/denoland/members
GET /orgs/denoland/teams/core/repos/denoland/std
PUT /orgs/denoland/memberships/ry
PATCH /orgs/denoland/hooks/17
GET /orgs/denoland/actions/public-key
GET /orgs/denoland/actions/secrets/NPM_TOKEN
GET /repos/denoland/deno
GET /repos/denoland/deno/branches
GET /repos/denoland/deno/branches/main/protection
GET /repos/denoland/deno/issues
GET /repos/denoland/deno/issues/25471
GET /repos/denoland/deno/issues/25471/comments
DELETE /repos/denoland/deno/issues/25471/labels/needs-triage
POST /repos/denoland/deno/issues
GET /repos/denoland/deno/pulls/25470
GET /repos/denoland/deno/pulls/25470/files
PUT /repos/denoland/deno/pulls/25470/merge
GET /repos/denoland/deno/commits/9695b5f8c2a1/status
GET /repos/denoland/deno/compare/main...v2.9
GET /repos/denoland/deno/contents/README.md
PUT /repos/denoland/deno/contents/README.md
GET /repos/denoland/deno/git/refs/main
GET /repos/denoland/deno/git/trees/9695b5f8c2a1
GET /repos/denoland/deno/latest-release
GET /repos/denoland/deno/releases/181200
GET /repos/denoland/deno/actions/runs/30433642
POST /repos/denoland/deno/actions/runs/30433642/cancel
GET /repos/denoland/deno/traffic/views
GET /docs/guide/install.html
GET /assets/js/app.3f2a91.js
GET /raw/denoland/deno/main/tools/format.js`;

const API_MISSES = `
GET /favicon.ico
GET /index.html
GET /wp-admin/setup-config.php
GET /.env
GET /users/torvalds/nothing
GET /users/torvalds/events/private
POST /users/torvalds
GET /gists/aa5a315d61ae9438b18d/comment
GET /repo/denoland/deno
GET /repos/denoland
GET /repos/denoland/deno/issue
GET /repos/denoland/deno/issues/25471/comment
PUT /repos/denoland/deno/pulls/25470/commits
GET /repos/denoland/deno/actions/runs/30433642/cancel
GET /orgs/denoland/teams/core/repos/denoland
DELETE /rate_limit`;

/** The routes of a REST API, {@linkcode API_ROUTES}. */
export function apiRoutes(): RouteSet {
  const routes: Route[] = [];
  for (const line of API_ROUTES.trim().split("\n")) {
    const [methods = "", base = "", ...ends] = line.split(" ");
    for (const method of methods.split(",")) {
      for (const end of ends.length > 0 ? ends : ["."]) {
        const pattern = end === "." ? base : base + end;
        routes.push(toRoute(method as Method, pattern, routes.length));
      }
    }
  }
  return {
    name: `${routes.length} routes of an API`,
    routes,
    hits: requestsFor(API_HITS),
    misses: requestsFor(API_MISSES),
  };
}
