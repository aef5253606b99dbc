/**
 * Imports checkpoints with the runtime's importer for the Python tests: one JSON job on standard input, one result out.
 *
 * Job: {plans: path, imports: [{file, output}]}. Each file becomes a package in the folder `output`, where that is not
 * null; the result has for each its id and warnings, or the error, and with --expose-gc the most memory that was in use.
 */
import { mkdirSync, openAsBlob, readFileSync } from "node:fs";
import { open, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import "../../runtime/src/text/jinja/rare";
import { openGguf } from "../../runtime/src/import/gguf_checkpoint";
import { planPackage, writePackage } from "../../runtime/src/import/package";
import { setPlans } from "../../runtime/src/import/python";
import type { PackageFiles } from "../../runtime/src/import/shards";
import { BlobSource } from "../../runtime/src/import/source";
import { LlmError } from "../../runtime/src/internal/errors";
import { HOST } from "../../runtime/tests/import/host";

interface Job {
  readonly plans: string;
  readonly imports: readonly { readonly file: string; readonly output: string | null }[];
}

const SAMPLE_BYTES = 4 << 20;
const { plans, imports } = JSON.parse(readFileSync(0, "utf8")) as Job;
setPlans(readFileSync(plans, "utf8"));

function folder(output: string): PackageFiles {
  return {
    async create(path) {
      mkdirSync(dirname(join(output, path)), { recursive: true });
      const file = await open(join(output, path), "w");
      return {
        write: async (bytes, at) => {
          await file.write(bytes as Uint8Array, 0, bytes.length, at);
        },
        close: () => file.close(),
      };
    },
  };
}

async function run({ file, output }: Job["imports"][number]) {
  const checkpoint = await openGguf(new BlobSource(basename(file), await openAsBlob(file)));
  const plan = await planPackage(checkpoint, HOST);
  if (output === null) return { id: plan.id, warnings: plan.warnings };
  let [peakBytes, sampled] = [0, 0];
  const onProgress = (loaded: number): void => {
    if (globalThis.gc === undefined || loaded - sampled < SAMPLE_BYTES) return;
    sampled = loaded;
    globalThis.gc();
    const { heapUsed, external } = process.memoryUsage();
    peakBytes = Math.max(peakBytes, heapUsed + external);
  };
  const manifest = await writePackage(plan, checkpoint, folder(output), HOST, { onProgress });
  await writeFile(join(output, "nomoat.json"), manifest);
  return { id: plan.id, warnings: plan.warnings, peakBytes };
}

const results = [];
for (const one of imports)
  results.push(
    await run(one).catch((thrown: Error) => ({ error: { ...LlmError.from(thrown).toWire(), stack: thrown.stack } })),
  );
process.stdout.write(JSON.stringify(results));
