// Runs the runtime's tests in Node. Tests that need a GPU adapter use the npm package webgpu (Dawn); on a machine
// without a GPU the software driver that Chromium ships is used, if Chromium is installed.
import { existsSync, realpathSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { defineConfig } from "vitest/config";
import { limits } from "../tests/limits";

const chromium = process.env.NOMOAT_CHROMIUM ?? "/usr/bin/chromium";
const folders = [
  existsSync(chromium) ? dirname(realpathSync(chromium)) : "",
  "/usr/lib/chromium",
  "/usr/lib64/chromium",
];
const folder = folders.find((candidate) => candidate && existsSync(join(candidate, "vk_swiftshader_icd.json")));
if (folder) {
  process.env.VK_DRIVER_FILES ??= join(folder, "vk_swiftshader_icd.json");
  // Dawn opens libvulkan.so.1 by name, and Chromium brings its own copy. The loader reads LD_LIBRARY_PATH when a
  // process starts, so it is set here, in the parent of the test processes.
  process.env.LD_LIBRARY_PATH = [process.env.LD_LIBRARY_PATH, folder].filter(Boolean).join(delimiter);
}

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    ...limits,
  },
});
