import { defineConfig } from "vitest/config";
import { limits } from "../tests/limits";

export default defineConfig({ test: { include: ["tests/**/*.test.ts"], environment: "node", ...limits } });
