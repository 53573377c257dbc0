import { Hono } from "hono";

const app = new Hono();

app.get("/", (c) => c.text("Hello from Deno\n"));
app.get("/greet/:name", (c) => c.json({ greeting: `Hello, ${c.req.param("name")}` }));

Deno.serve({ port: Number(Deno.env.get("PORT") ?? 3000) }, app.fetch);
