/**
 * Compiles WGSL with Dawn for the Vulkan driver that the environment names, which leaves the SPIR-V of each pipeline in
 * the folder MESA_SPIRV_DUMP_PATH:
 *
 *     node dump_spirv.js < [{"name", "wgsl", "entryPoint", "constants"}, ...]
 *
 * The last line printed is the list of the files, one for each. Nothing is dispatched.
 */
import { readdirSync, readFileSync } from "node:fs";
import { create, globals } from "webgpu";

const STANDARD_INPUT = 0;
const FOLDER = process.env.MESA_SPIRV_DUMP_PATH;
Object.assign(globalThis, globals);
const gpu = create([]);

async function openDevice() {
  const adapter = await gpu.requestAdapter();
  const requiredLimits = {};
  for (const name in adapter.limits) requiredLimits[name] = adapter.limits[name];
  const requiredFeatures = ["subgroups", "shader-f16"].filter((name) => adapter.features.has(name));
  return await adapter.requestDevice({ requiredLimits, requiredFeatures });
}

async function main() {
  const device = await openDevice();
  const files = [];
  const known = new Set(readdirSync(FOLDER));
  for (const { name, wgsl, entryPoint, constants } of JSON.parse(readFileSync(STANDARD_INPUT, "utf8"))) {
    const module = device.createShaderModule({ label: name, code: wgsl });
    await device.createComputePipelineAsync({ layout: "auto", compute: { module, entryPoint, constants } });
    const made = readdirSync(FOLDER).filter((file) => !known.has(file));
    if (made.length !== 1) throw new Error(`${name} left ${made.length} files: ${made.join(", ")}`);
    known.add(made[0]);
    files.push(made[0]);
  }
  console.log(JSON.stringify(files));
}

await main();
process.exit(0);
