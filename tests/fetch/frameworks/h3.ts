/** An application of H3, version 2. */

import {
  createEventStream,
  deleteCookie,
  getCookie,
  getQuery,
  H3,
  html,
  HTTPError,
  noContent,
  redirect,
  setCookie,
} from "npm:h3@2.0.8";
import { describeForm, slowly } from "./pieces.ts";

/** Answers the requests of the test. */
export const app: H3 = new H3({ silent: true });

app.get("/users/:id", (event) => ({
  id: event.context.params?.id,
  q: getQuery(event).q,
}));
app.post("/json", async (event) => {
  event.res.status = 201;
  return await event.req.json();
});
app.get("/text", (event) => {
  event.res.headers.set("x-a", "b");
  return "plain";
});
app.get("/html", () => html`<p>é</p>`);
app.get("/empty", () => noContent());
app.get("/redirect", () => redirect("/text", 303));
app.get("/stream", () => slowly("a", "b", "c"));
app.get("/sse", (event) => {
  const events = createEventStream(event);
  (async () => {
    await events.push({ data: "one", event: "count", id: "1" });
    await events.push({ data: "two\nlines" });
    await events.close();
  })();
  return events.send();
});
app.get("/cookies", (event) => {
  setCookie(event, "seen", getCookie(event, "name") ?? "nothing", {
    httpOnly: true,
  });
  setCookie(event, "b", "2");
  deleteCookie(event, "old");
  return "cookies";
});
app.post(
  "/upload",
  async (event) => await describeForm(await event.req.formData()),
);
app.get("/error", () => {
  throw new HTTPError({ status: 500, message: "on purpose" });
});
