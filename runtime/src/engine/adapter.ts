/**
 * Adapters in memory: what a package of kind "adapter" holds, and stacks of them as a device takes them.
 *
 * The bytes stay here as long as the adapter is loaded, since a stack is made of them whenever a request asks for one.
 * compiler/nomoat_compiler/program/adapter_package.py owns the format.
 */
import { type Bound, bindAdapters, loraArrays } from "../device/adapters";
import type { Program } from "../device/program";
import { widen } from "../device/widen";
import { LlmError } from "../internal/errors";
import { type Manifest, type PackageSource, weightSizes } from "../storage/index";

interface AdaptedTensor extends Bound {
  /** (parts, rank, columns) of `dtype`. */
  readonly a: Uint8Array<ArrayBuffer>;
  /** (rank, rows). */
  readonly b: Float32Array<ArrayBuffer>;
}
export interface Adapter {
  readonly name: string;
  /** No two adapters that were loaded have the same. */
  readonly serial: number;
  readonly nbytes: number;
  readonly tensors: ReadonlyMap<string, AdaptedTensor>;
}

/** What runs together, in order. */
export type Stack = readonly { readonly adapter: Adapter; readonly weight: number }[];
/** A stack as a device takes it. */
export interface ReadyStack {
  readonly key: string;
  readonly stack: Stack;
  readonly program: Program;
  readonly arrays: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

const MAX_RANK = 4096;
let loadedBefore = 0;

/** Errors: invalid_request (another base, or a model), invalid_package, and what the source throws. */
export async function readAdapter(
  source: PackageSource,
  name: string | null,
  program: Program,
  base: Manifest,
  signal?: AbortSignal,
): Promise<Adapter> {
  const { id } = source.manifest;
  checkBase(source.manifest, base);
  const sizes = new Map(await weightSizes(source));
  const tensors = new Map<string, AdaptedTensor>();
  const targets = new Map<string, Uint8Array>();
  let nbytes = 0;
  for (const tensor of program.tensors.values()) {
    const [aName, bName] = loraArrays(tensor.name);
    const [aBytes, bBytes] = [sizes.get(aName), sizes.get(bName)];
    if (tensor.kind !== "linear" || aBytes === undefined || bBytes === undefined) continue;
    const [rows, columns] = tensor.shape as [number, number];
    const rank = bBytes / (4 * rows);
    const itemBytes = aBytes / (tensor.sources.length * rank * columns);
    if (rank % 4 !== 0 || rank < 4 || rank > MAX_RANK || (itemBytes !== 2 && itemBytes !== 4))
      throw invalid(id, `${tensor.name} has ${aBytes} and ${bBytes} bytes, which is no adapter of [${tensor.shape}]`);
    const a = new Uint8Array(aBytes);
    const b = new Float32Array(rank * rows);
    targets.set(aName, a).set(bName, new Uint8Array(b.buffer));
    tensors.set(tensor.name, { rank, dtype: itemBytes === 2 ? "float16" : "float32", a, b });
    nbytes += aBytes + bBytes;
  }
  for (const array of sizes.keys()) if (!targets.has(array)) throw invalid(id, `the model has no place for ${array}`);
  await source.weights((array, offset, bytes) => targets.get(array)!.set(bytes, offset), signal ? { signal } : {});
  loadedBefore += 1;
  return { name: name ?? id, serial: loadedBefore, nbytes, tensors };
}

/** Names a stack: equal ones have equal keys, and "" is none. */
export function stackKey(stack: Stack): string {
  return stack.map(({ adapter, weight }) => `${adapter.serial}*${weight}`).join("+");
}

/** The ranks of the adapters follow each other in every part; weights are multiplied into B. */
export function makeReady(stack: Stack, program: Program): ReadyStack {
  const binding = new Map<string, Bound>();
  const arrays = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const tensor of program.tensors.values()) {
    const members = stack.flatMap(({ adapter, weight }) => {
      const own = adapter.tensors.get(tensor.name);
      return own ? [{ ...own, weight }] : [];
    });
    if (members.length === 0) continue;
    const rank = members.reduce((sum, member) => sum + member.rank, 0);
    const dtype = members.every((member) => member.dtype === "float16") ? "float16" : "float32";
    const parts = tensor.sources.length;
    const [rows, columns] = tensor.shape as [number, number];
    const rowBytes = columns * (dtype === "float16" ? 2 : 4);
    const a = new Uint8Array(parts * rank * rowBytes);
    const b = new Float32Array(rank * rows);
    let first = 0;
    for (const member of members) {
      const own = member.dtype === dtype ? member.a : new Uint8Array(widen("float16", member.a).buffer);
      const partBytes = member.rank * rowBytes;
      for (let part = 0; part < parts; part++)
        a.set(own.subarray(part * partBytes, (part + 1) * partBytes), (part * rank + first) * rowBytes);
      b.set(member.b, first * rows);
      // A loop: `map` would call a function for each of millions of values.
      if (member.weight !== 1) for (let i = first * rows; i < (first + member.rank) * rows; i++) b[i]! *= member.weight;
      first += member.rank;
    }
    const [aName, bName] = loraArrays(tensor.name);
    arrays.set(aName, a).set(bName, new Uint8Array(b.buffer));
    binding.set(tensor.name, { rank, dtype });
  }
  return { key: stackKey(stack), stack, program: bindAdapters(program, binding), arrays };
}

/** The package that it was compiled for, or one of the same source with another quantization. */
function checkBase({ id, base: wanted }: Manifest, { id: found, provenance, quantization, ...base }: Manifest): void {
  if (!wanted) throw new LlmError("invalid_request", `${id} is a model, and no adapter.`, { id });
  const weights = base.files.find(({ path }) => path === base.weights);
  const sameSource = provenance.source === wanted.source && quantization !== wanted.quantization;
  if (weights?.sha256 === wanted.weights_sha256 || sameSource) return;
  throw new LlmError(
    "invalid_request",
    `The adapter ${id} was compiled for ${wanted.id}, and ${found} is another model. Compile it again with --base.`,
    { base: wanted.id, found },
  );
}

function invalid(id: string, problem: string): LlmError {
  return new LlmError("invalid_package", `The adapter ${id} is not valid: ${problem}. Compile or fetch it again.`);
}
