/** An application of Hono, with its own router and helpers. */

import { Hono } from "npm:hono@4.13.19";
import { addRoutes } from "./hono_routes.mjs";

/** Answers the requests of all cases. */
export const app: Hono = addRoutes(new Hono());
