import { Server } from "@khttp/khttp";

const app = Server.builder("127.0.0.1:8080");
app.get("/", (_ctx, res) => res.ok("Hello, World!"));
app.build().serve();
