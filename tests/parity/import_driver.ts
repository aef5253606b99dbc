/**
 * Imports checkpoints with the runtime's importer for the Python tests: one JSON job on standard input, one result out.
 *
 * Job: {plans: path, imports: [{file, output, quantization}]}. Each file becomes a package in the folder `output`, where
 * that is not null; the result has for each its id and warnings, or the error, and with --expose-gc the most memory that
 * was in use. Or {groups: [{weights, columns, scheme}]}: base64 of float32 rows, each quantized to two arrays in base64.
 */
import { existsSync, mkdirSync, openAsBlob, readFileSync } from "node:fs";
import { open, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import "../../runtime/src/text/jinja/rare";
import { openGguf } from "../../runtime/src/import/gguf_checkpoint";
import { openParts } from "../../runtime/src/import/gguf_parts";
import { quantizeGroups } from "../../runtime/src/import/groups";
import { planPackage, writePackage } from "../../runtime/src/import/package";
import { setPlans, type Value } from "../../runtime/src/import/python";
import type { PackageFiles } from "../../runtime/src/import/shards";
import { BlobSource } from "../../runtime/src/import/source";
import { LlmError } from "../../runtime/src/internal/errors";
import { HOST } from "../../runtime/tests/import/host";

interface Job {
  readonly plans: string;
  readonly imports: readonly {
    readonly file: string;
    readonly output: string | null;
    readonly quantization: string | null;
  }[];
}

interface GroupsJob {
  readonly groups: readonly { readonly weights: string; readonly columns: number; readonly scheme: Value }[];
}

const SAMPLE_BYTES = 4 << 20;
const job = JSON.parse(readFileSync(0, "utf8")) as Job | GroupsJob;

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

async function run({ file, output, quantization }: Job["imports"][number]) {
  const open = async (path: string) => new BlobSource(basename(path), await openAsBlob(path));
  const sibling = (name: string) => {
    const path = join(dirname(file), name);
    return existsSync(path) ? open(path) : Promise.resolve(null);
  };
  const checkpoint = await openGguf(await openParts(await open(file), sibling));
  const plan = await planPackage(checkpoint, HOST, quantization);
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

async function runAll({ plans, imports }: Job): Promise<unknown[]> {
  setPlans(readFileSync(plans, "utf8"));
  const results = [];
  for (const one of imports)
    results.push(
      await run(one).catch((thrown: Error) => ({ error: { ...LlmError.from(thrown).toWire(), stack: thrown.stack } })),
    );
  return results;
}

function quantized({ weights, columns, scheme }: GroupsJob["groups"][number]): string[] {
  const bytes = Uint8Array.from(Buffer.from(weights, "base64"));
  const arrays = quantizeGroups(new Float32Array(bytes.buffer), columns, scheme, "weights");
  return arrays.map((array) => Buffer.from(array).toString("base64"));
}

const results = "groups" in job ? job.groups.map(quantized) : await runAll(job);
process.stdout.write(JSON.stringify(results));
