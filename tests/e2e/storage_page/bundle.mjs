// Bundles page.ts and worker.ts for a browser: node bundle.mjs OUTPUT_FOLDER writes page.js and worker.js there.
import { fileURLToPath } from "node:url";
import { build } from "vite";

for (const name of ["page", "worker"]) {
  await build({
    configFile: false,
    logLevel: "error",
    build: {
      target: "es2022",
      outDir: process.argv[2],
      emptyOutDir: false,
      lib: {
        entry: fileURLToPath(new URL(`./${name}.ts`, import.meta.url)),
        formats: ["es"],
        fileName: () => `${name}.js`,
      },
    },
  });
}
