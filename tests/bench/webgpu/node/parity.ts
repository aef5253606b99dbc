/** Runs stored kernel cases (case_file.py) on this adapter and compares what they write with what they must. */
import { readFileSync } from "node:fs";
import { describe, openDevice, runJob } from "../../../parity/kernel_runner/kernels.js";
import { type Lines, rounded } from "./task";

interface Requires {
  readonly features?: readonly string[];
  readonly subgroup_min_size?: number;
}
interface Expected {
  readonly argument: number;
  readonly dtype: "float32" | "int32" | "uint32";
  readonly at: number;
  readonly nbytes: number;
  readonly atol: number;
  readonly rtol: number;
}
interface Case {
  readonly name: string;
  readonly kernel_name: string;
  readonly kernel_hash: string;
  readonly requires: Requires;
  readonly arguments: readonly { readonly access: string; readonly nbytes: number; readonly at: number }[];
  readonly expected: readonly Expected[];
}
interface CaseFile {
  readonly texts: Readonly<Record<string, string>>;
  readonly cases: readonly Case[];
}
interface Described {
  readonly features: readonly string[];
  readonly subgroup_min_size: number;
  readonly limits: Readonly<Record<string, number>>;
}

const ARRAYS = { float32: Float32Array, int32: Int32Array, uint32: Uint32Array };
/** A process that is stopped has told so much. */
const PROGRESS_MS = 2000;
/** A broken driver fails everywhere; the first failures say what there is to say. */
const TOLD_FAILURES = 20;

/** Lines: "failed" for each wrong case, "left_out" for each reason, and "parity" with the counts so far. */
export async function runCases(gpu: GPU, path: string, lines: Lines): Promise<void> {
  const { texts, cases } = JSON.parse(readFileSync(path, "utf8")) as CaseFile;
  const data = readFileSync(path.replace(/\.json$/, ".bin"));
  const opened = await openDevice(gpu, { withheld: [], limits: {} });
  const described = describe(opened) as unknown as Described;
  const kernels = new Set<string>();
  const leftOut = new Map<string, Set<string>>();
  const counts = { cases: cases.length, passed: 0, failed: 0, left_out: 0 };
  let largest = 0;
  let told = performance.now();
  const tell = () => lines.write("parity", { kernels: kernels.size, ...counts, largest_error: rounded(largest, 4) });
  for (const stored of cases) {
    const obstacle = obstacleTo(stored, described);
    if (obstacle) {
      counts.left_out += 1;
      leftOut.set(obstacle, (leftOut.get(obstacle) ?? new Set()).add(stored.kernel_name));
      continue;
    }
    kernels.add(stored.kernel_name);
    const wrong = await run(stored).catch((error: Error) => error.message);
    if (typeof wrong === "number") counts.passed += 1;
    else counts.failed += 1;
    if (typeof wrong === "number") largest = Math.max(largest, wrong);
    else if (counts.failed <= TOLD_FAILURES)
      lines.write("failed", { what: "parity", case: stored.name, message: wrong });
    if (performance.now() - told > PROGRESS_MS) {
      tell();
      told = performance.now();
    }
  }
  for (const [reason, names] of leftOut) lines.write("left_out", { reason, kernels: [...names].sort() });
  tell();

  /** The largest error in units of the tolerance, or what is wrong. */
  async function run(stored: Case): Promise<number | string> {
    const pieces = stored.arguments.map(({ at, nbytes }) => data.subarray(at, at + nbytes));
    const input = Uint8Array.from(Buffer.concat(pieces)).buffer;
    const job = { ...stored, wgsl: texts[stored.kernel_hash]!, dispatches: 1 };
    const outputs: Uint8Array[] = await runJob(opened, job, input);
    const written = stored.arguments.flatMap(({ access }, i) => (access === "read_write" ? [i] : []));
    let error = 0;
    for (const expected of stored.expected) {
      const actual = valuesOf(expected.dtype, outputs[written.indexOf(expected.argument)]!);
      const wanted = valuesOf(expected.dtype, data.subarray(expected.at, expected.at + expected.nbytes));
      const worst = compare(actual, wanted, expected);
      if (worst.error > 1) {
        const { index } = worst;
        return `argument ${expected.argument}: value ${index} is ${actual[index]}, not ${wanted[index]} (tolerance ${expected.atol} + ${expected.rtol} of it)`;
      }
      error = Math.max(error, worst.error);
    }
    return error;
  }
}

function obstacleTo({ requires, arguments: given }: Case, adapter: Described): string | null {
  const missing = requires.features?.find((feature) => !adapter.features.includes(feature));
  if (missing) return `needs the feature ${missing}`;
  const lanes = requires.subgroup_min_size ?? 0;
  if (lanes > adapter.subgroup_min_size) return `needs subgroups of at least ${lanes}`;
  const limit = adapter.limits.maxStorageBuffersPerShaderStage!;
  return given.length > limit ? `needs ${given.length} storage buffers` : null;
}

function valuesOf(dtype: Expected["dtype"], bytes: Uint8Array): Float32Array | Int32Array | Uint32Array {
  // A view would need the alignment that a piece of a file does not have.
  return new ARRAYS[dtype](Uint8Array.from(bytes).buffer);
}

/** The value that is furthest off, its error in units of its tolerance; NaN where a number should be is infinitely off. */
function compare(
  actual: ArrayLike<number>,
  wanted: ArrayLike<number>,
  { atol, rtol }: Expected,
): { error: number; index: number } {
  const worst = { error: 0, index: 0 };
  for (let index = 0; index < wanted.length; index++) {
    const [a, w] = [actual[index]!, wanted[index]!];
    if (Object.is(a, w) || a === w) continue;
    const ratio = Math.abs(a - w) / (atol + rtol * Math.abs(w));
    const error = Number.isNaN(ratio) ? Number.POSITIVE_INFINITY : ratio;
    if (error > worst.error) Object.assign(worst, { error, index });
  }
  return worst;
}
