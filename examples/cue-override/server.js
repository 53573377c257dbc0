import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import pc from "picocolors";

const motd = readFileSync("motd.txt", "utf8");
const port = process.env.PORT ?? 3000;

createServer((req, res) => {
  console.log(pc.green(req.url));
  res.end(req.url === "/mode" ? `${process.env.APP_MODE}\n` : motd);
}).listen(port);
