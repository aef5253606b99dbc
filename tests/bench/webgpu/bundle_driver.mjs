// Bundles node/main.ts with the runtime into one Node module: node bundle_driver.mjs OUTPUT_FOLDER writes bench.mjs there.
import { fileURLToPath } from "node:url";
import { build } from "vite";

await build({
  configFile: false,
  logLevel: "error",
  ssr: { noExternal: true },
  build: {
    ssr: fileURLToPath(new URL("./node/main.ts", import.meta.url)),
    outDir: process.argv[2],
    emptyOutDir: false,
    rollupOptions: { output: { entryFileNames: "bench.mjs" } },
  },
});
