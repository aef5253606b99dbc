/** Three pages, one build: the playground, the runner that the command line drives, and the demo of window.llm. */
import { defineConfig } from "vite";

export default defineConfig({
  // Relative, so that the demo page also works from a plain file server on another origin.
  base: "./",
  build: {
    outDir: "../python/nomoat/static/web",
    emptyOutDir: true,
    target: "es2022",
    rollupOptions: { input: ["index.html", "runner.html", "demo.html"] },
  },
  worker: { format: "es" },
});
