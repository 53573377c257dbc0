import { Hono } from "hono";

const app = new Hono();

app.get("/", (c) => c.text("Hello from Bun\n"));
app.get("/greet/:name", (c) => c.json({ greeting: `Hello, ${c.req.param("name")}` }));

export default { port: Number(process.env.PORT ?? 3000), fetch: app.fetch };
