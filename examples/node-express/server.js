import express from "express";

const app = express();

app.get("/", (req, res) => {
  res.type("text/plain").send("Hello from Express\n");
});

app.get("/greet/:name", (req, res) => {
  res.json({ greeting: `Hello, ${req.params.name}` });
});

const port = process.env.PORT ?? 3000;
app.listen(port, () => console.log(`listening on port ${port}`));
