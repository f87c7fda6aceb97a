/** Hono on `@hono/node-server`, on Node. The packages are in the folder that `HONO_FOLDER` names. */

import { createRequire } from "node:module";
import process from "node:process";
import { numberArgument } from "./answers.mjs";
import { addRoutes } from "./hono_routes.mjs";

const require = createRequire(`${process.env.HONO_FOLDER}/`);
const { serve } = require("@hono/node-server");
const { Hono } = require("hono");

serve({
  fetch: addRoutes(new Hono()).fetch,
  hostname: "127.0.0.1",
  port: numberArgument("port", 8080),
});
