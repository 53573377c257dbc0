import { serve } from "@hono/node-server";
import { Hono } from "hono";

const app = new Hono();

app.get("/", (c) => c.text("Hello from pnpm\n"));
app.get("/greet/:name", (c) => c.json({ greeting: `Hello, ${c.req.param("name")}` }));

serve({ fetch: app.fetch, hostname: "0.0.0.0", port: Number(process.env.PORT ?? 3000) });
