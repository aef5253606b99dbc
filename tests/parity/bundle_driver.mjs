// Bundles a driver of this folder into one Node module: node bundle_driver.mjs NAME OUTPUT_FOLDER writes NAME.mjs there.
import { fileURLToPath } from "node:url";
import { build } from "vite";

const [, , name, outDir] = process.argv;
await build({
  configFile: false,
  logLevel: "error",
  ssr: { noExternal: true },
  build: {
    ssr: fileURLToPath(new URL(`./${name}.ts`, import.meta.url)),
    outDir,
    emptyOutDir: false,
    rollupOptions: { output: { entryFileNames: `${name}.mjs` } },
  },
});
