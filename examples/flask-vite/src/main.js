fetch("/api/greet/Ada")
  .then((answer) => answer.json())
  .then(({ greeting }) => (document.getElementById("greeting").textContent = greeting));
