/** The text part as one script for `nomoat compile`, which ships it as a data file of the compiler. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

export default defineConfig({
  root: path("."),
  publicDir: false,
  build: {
    outDir: path("../compiler/nomoat_compiler/text_check"),
    emptyOutDir: false,
    target: "es2022",
    lib: { entry: path("src/check/main.ts"), name: "check", formats: ["iife"], fileName: () => "text_part.js" },
  },
});
