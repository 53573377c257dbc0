import { createRoot } from "react-dom/client";

function App() {
  return <h1>Hello from Vite at {window.location.pathname}</h1>;
}

createRoot(document.getElementById("root")).render(<App />);
