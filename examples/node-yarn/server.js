import polka from "polka";

// Yarn 4 keeps packages in archives; Node finds polka there because Yarn starts it.
polka()
  .get("/", (req, res) => res.end("Hello from Yarn\n"))
  .get("/greet/:name", (req, res) => {
    res.setHeader("Content-Type", "application/json");
    res.end(JSON.stringify({ greeting: `Hello, ${req.params.name}` }));
  })
  .listen(process.env.PORT ?? 3000);
