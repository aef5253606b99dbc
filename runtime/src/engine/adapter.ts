/**
 * Adapters in memory: what a package of kind "adapter" holds, and stacks of them as a device takes them.
 *
 * The bytes stay here as long as the adapter is loaded, since a stack is made of them whenever a request asks for one.
 * compiler/nomoat_compiler/program/adapter_package.py owns the format.
 */
import { MOST_ADAPTER_BYTES } from "../device/adapter_limit";
import { type Bound, bindAdapters, checkParts, loraArrays } from "../device/adapters";
import { MAX_RANK } from "../device/operators.gen";
import type { Program } from "../device/program";
import { widen } from "../device/widen";
import { LlmError } from "../internal/errors";
import { type Manifest, type PackageSource, weightSizes } from "../storage/index";

interface AdaptedTensor extends Bound {
  /** (parts, rank, columns) and (rank, rows) of `dtype`. */
  readonly a: Uint8Array<ArrayBuffer>;
  readonly b: Uint8Array<ArrayBuffer>;
  /** (parts, rank). */
  readonly scale: Float32Array<ArrayBuffer>;
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

/** Stacks that requests ask for again need not be made again; nor programs, which all stacks of the same ranks share. */
const KEPT_STACKS = 8;
const KEPT_PROGRAMS = 8;
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
    const names = loraArrays(tensor.name);
    const [aBytes, bBytes, scaleBytes] = names.map((array) => sizes.get(array));
    if (tensor.kind !== "linear" || aBytes === undefined || bBytes === undefined || scaleBytes === undefined) continue;
    checkParts(tensor);
    const [rows, columns] = tensor.shape as [number, number];
    const parts = tensor.sources.length;
    const rank = scaleBytes / (4 * parts);
    const itemBytes = bBytes / (rank * rows);
    const fits = (itemBytes === 2 || itemBytes === 4) && aBytes === parts * rank * columns * itemBytes;
    if (!fits || rank % 4 !== 0 || rank > MAX_RANK)
      throw invalid(
        id,
        `${tensor.name} has ${aBytes}, ${bBytes} and ${scaleBytes} bytes, which is no adapter of [${tensor.shape}]`,
      );
    nbytes += aBytes + bBytes + scaleBytes;
    if (nbytes > MOST_ADAPTER_BYTES) throw tooLarge(id);
    const arrays = [new Uint8Array(aBytes), new Uint8Array(bBytes), new Uint8Array(scaleBytes)] as const;
    names.forEach((array, i) => void targets.set(array, arrays[i]!));
    const [a, b, scale] = arrays;
    const dtype = itemBytes === 2 ? "float16" : "float32";
    tensors.set(tensor.name, { rank, dtype, a, b, scale: new Float32Array(scale.buffer) });
  }
  for (const array of sizes.keys()) if (!targets.has(array)) throw invalid(id, `the model has no place for ${array}`);
  if (tensors.size === 0) throw invalid(id, "it changes nothing");
  await source.weights((array, offset, bytes) => targets.get(array)!.set(bytes, offset), signal ? { signal } : {});
  for (const [tensor, { dtype, a, b, scale }] of tensors)
    if (![scale, ...[a, b].map((bytes) => numbersOf(dtype, bytes))].every(allFinite))
      throw invalid(id, `${tensor} has numbers in it that are not finite`);
  loadedBefore += 1;
  return { name: name ?? id, serial: loadedBefore, nbytes, tensors };
}

/** Names a stack: equal ones have equal keys, and "" is none. */
export function stackKey(stack: Stack): string {
  return stack.map(({ adapter, weight }) => `${adapter.serial}*${weight}`).join("+");
}

/** The stacks of a program that requests ask for. */
export class Stacks {
  /** Least recently used first: by key, and by the ranks of each tensor. */
  private readonly ready = new Map<string, ReadyStack>();
  private readonly programs = new Map<string, Program>();

  constructor(private readonly base: Program) {}

  /**
   * A stack of the same ranks as one before has the same program, which devices need not prepare again.
   * Errors: invalid_request, out_of_memory for adapters that are too many together.
   */
  get(stack: Stack): ReadyStack {
    const key = stackKey(stack);
    return lastUsed(this.ready, key, KEPT_STACKS, () => this.make(key, stack));
  }

  forget(serial: number): void {
    for (const [key, { stack }] of this.ready)
      if (stack.some(({ adapter }) => adapter.serial === serial)) this.ready.delete(key);
  }

  private make(key: string, stack: Stack): ReadyStack {
    if (stack.reduce((sum, { adapter }) => sum + adapter.nbytes, 0) > MOST_ADAPTER_BYTES)
      throw tooLarge(stack.map(({ adapter }) => adapter.name).join(", "));
    const { binding, arrays } = stacked(stack, this.base);
    const program = lastUsed(this.programs, JSON.stringify([...binding]), KEPT_PROGRAMS, () =>
      bindAdapters(this.base, binding),
    );
    return { key, stack, program, arrays };
  }
}

/** The value of a key, which is used last then. */
function lastUsed<T>(kept: Map<string, T>, key: string, most: number, make: () => T): T {
  const value = kept.get(key) ?? make();
  kept.delete(key);
  kept.set(key, value);
  if (kept.size > most) kept.delete(kept.keys().next().value!);
  return value;
}

/** The ranks of the adapters follow each other in every part. A weight is in the scale. */
function stacked(stack: Stack, program: Program) {
  const binding = new Map<string, Bound>();
  const arrays = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const tensor of program.tensors.values()) {
    const members = stack.flatMap(({ adapter, weight }) => {
      const own = adapter.tensors.get(tensor.name);
      return own ? [{ ...own, weight }] : [];
    });
    if (members.length === 0) continue;
    const rank = members.reduce((sum, member) => sum + member.rank, 0);
    if (rank > MAX_RANK)
      throw new LlmError("invalid_request", `The ranks of these adapters add up to ${rank}, and ${MAX_RANK} may run.`);
    const dtype = members.every((member) => member.dtype === "float16") ? "float16" : "float32";
    const itemBytes = dtype === "float16" ? 2 : 4;
    const parts = tensor.sources.length;
    const [rows, columns] = tensor.shape as [number, number];
    const rowBytes = columns * itemBytes;
    const a = new Uint8Array(parts * rank * rowBytes);
    const b = new Uint8Array(rank * rows * itemBytes);
    const scale = new Float32Array(parts * rank);
    let first = 0;
    for (const member of members) {
      const as = (bytes: Uint8Array<ArrayBuffer>) =>
        member.dtype === dtype ? bytes : new Uint8Array(widen("float16", bytes).buffer);
      const [ownA, partBytes] = [as(member.a), member.rank * rowBytes];
      for (let part = 0; part < parts; part++) {
        const at = part * rank + first;
        a.set(ownA.subarray(part * partBytes, (part + 1) * partBytes), at * rowBytes);
        const own = member.scale.subarray(part * member.rank, (part + 1) * member.rank);
        scale.set(
          own.map((value) => value * member.weight),
          at,
        );
      }
      b.set(as(member.b), first * rows * itemBytes);
      first += member.rank;
    }
    loraArrays(tensor.name).forEach((name, i) => void arrays.set(name, [a, b, new Uint8Array(scale.buffer)][i]!));
    binding.set(tensor.name, { rank, dtype });
  }
  return { binding, arrays };
}

function numbersOf(dtype: Bound["dtype"], bytes: Uint8Array<ArrayBuffer>) {
  return dtype === "float32" ? new Float32Array(bytes.buffer) : new Uint16Array(bytes.buffer);
}

/** Of float32, or of the bits of float16. A loop: `every` would call a function for each of millions of values. */
function allFinite(numbers: Float32Array | Uint16Array): boolean {
  if (numbers instanceof Float32Array) {
    for (let i = 0; i < numbers.length; i++) if (!Number.isFinite(numbers[i])) return false;
  } else {
    for (let i = 0; i < numbers.length; i++) if ((numbers[i]! & 0x7c00) === 0x7c00) return false;
  }
  return true;
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

function tooLarge(what: string): LlmError {
  return new LlmError(
    "out_of_memory",
    `The adapters of a request may have ${MOST_ADAPTER_BYTES} bytes, and ${what} has more. Use one of a smaller rank.`,
    { limit: MOST_ADAPTER_BYTES },
  );
}

function invalid(id: string, problem: string): LlmError {
  return new LlmError("invalid_package", `The adapter ${id} is not valid: ${problem}. Compile or fetch it again.`);
}
