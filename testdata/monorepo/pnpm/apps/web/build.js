require("fs").writeFileSync("main.js", `console.log("web says ${require("@acme/greet")}")\n`)
