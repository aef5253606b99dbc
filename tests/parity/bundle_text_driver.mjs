// Bundles text_driver.ts into one Node module: node bundle_text_driver.mjs OUTPUT_FOLDER writes text_driver.js there.
import { fileURLToPath } from "node:url";
import { build } from "vite";

await build({
  configFile: false,
  logLevel: "error",
  ssr: { noExternal: true },
  build: {
    ssr: fileURLToPath(new URL("./text_driver.ts", import.meta.url)),
    outDir: process.argv[2],
    emptyOutDir: false,
    rollupOptions: { output: { entryFileNames: "text_driver.mjs" } },
  },
});
