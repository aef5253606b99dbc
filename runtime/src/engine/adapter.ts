/**
 * Adapters in memory: what a package of kind "adapter" holds, and stacks of them as a device takes them.
 *
 * The bytes stay here as long as the adapter is loaded, since a stack is made of them whenever a request asks for one.
 * compiler/nomoat_compiler/program/adapter_package.py owns the format.
 */
import { MOST_ADAPTER_BYTES } from "../device/adapter_limit";
import { type Bound, bindAdapters, checkParts, LORA_SCHEMES, loraTensors } from "../device/adapters";
import { MAX_RANK } from "../device/operators.gen";
import type { Program } from "../device/program";
import { widen } from "../device/widen";
import { LlmError } from "../internal/errors";
import { type Manifest, type PackageSource, weightSizes } from "../storage/index";

interface AdaptedTensor extends Bound {
  /** (parts, rank, columns), of q8 with the scales of its groups behind it. */
  readonly a: readonly Bytes[];
  /** (rank / 2, rows, 2). */
  readonly b: Bytes;
  /** (parts, rank). */
  readonly scale: Float32Array<ArrayBuffer>;
}
type Bytes = Uint8Array<ArrayBuffer>;
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
  const { id, quantization } = source.manifest;
  checkBase(source.manifest, base);
  if (!isQuantization(quantization)) throw invalid(id, `it is stored in ${quantization}`);
  const sizes = new Map(await weightSizes(source));
  const tensors = new Map<string, AdaptedTensor>();
  const targets = new Map<string, Uint8Array>();
  let nbytes = 0;
  for (const tensor of program.tensors.values()) {
    const scaleBytes = sizes.get(`${tensor.name}.lora_scale.weight`);
    if (tensor.kind !== "linear" || scaleBytes === undefined) continue;
    checkParts(tensor);
    const rank = scaleBytes / (4 * tensor.sources.length);
    if (rank === 0 || rank % 4 !== 0 || rank > MAX_RANK) throw invalid(id, `${tensor.name} has the rank ${rank}`);
    const bound = { rank, quantization };
    const arrays = loraTensors(tensor, bound).map(({ stored }) =>
      stored.map((array) => {
        const found = sizes.get(array.name);
        if (found !== array.nbytes) throw invalid(id, `${array.name} has ${found} bytes, and not ${array.nbytes}`);
        nbytes += found;
        if (nbytes > MOST_ADAPTER_BYTES) throw tooLarge(id);
        const bytes = new Uint8Array(found);
        targets.set(array.name, bytes);
        return bytes;
      }),
    );
    const [a, [b], [scale]] = arrays as unknown as [Bytes[], [Bytes], [Bytes]];
    tensors.set(tensor.name, { ...bound, a, b, scale: new Float32Array(scale.buffer) });
  }
  for (const array of sizes.keys()) if (!targets.has(array)) throw invalid(id, `the model has no place for ${array}`);
  if (tensors.size === 0) throw invalid(id, "it changes nothing");
  await source.weights((array, offset, bytes) => targets.get(array)!.set(bytes, offset), signal ? { signal } : {});
  for (const [tensor, { quantization: stored, a, b, scale }] of tensors) {
    // What is compiled has halves up to 2 in B, which the CPU relies on.
    const [limit, numbers] = stored === "f32" ? [0x7f80_0000, Uint32Array] : [0x7c00, Uint16Array];
    const least = Number(a.length > 1);
    const fits =
      allBelow(new Uint32Array(scale.buffer), 0x7f80_0000) &&
      allBelow(new numbers(a[least]!.buffer), limit) &&
      allBelow(new numbers(b.buffer), stored === "f32" ? limit : 0x4001);
    if (!fits) throw invalid(id, `${tensor} has numbers in it that are not finite, or too large`);
  }
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
    const first = members[0]!.quantization;
    const quantization = members.every((member) => member.quantization === first) ? first : "f32";
    const bound = { rank, quantization };
    const parts = tensor.sources.length;
    const alike = members.map((member) => {
      const scale = new Uint8Array(member.scale.map((value) => value * member.weight).buffer);
      const { a, b } = member.quantization === quantization ? member : widened(member, tensor.shape[1]!);
      return [...a, b, scale];
    });
    loraTensors(tensor, bound)
      .flatMap(({ stored }) => stored)
      .forEach(({ name, nbytes }, i) => {
        const all = new Uint8Array(nbytes);
        // B is not cut: each of its rows has values of every part.
        const cuts = i === alike[0]!.length - 2 ? 1 : parts;
        let at = 0;
        for (let cut = 0; cut < cuts; cut++)
          for (const member of alike) {
            const own = member[i]!;
            const size = own.length / cuts;
            all.set(own.subarray(cut * size, (cut + 1) * size), at);
            at += size;
          }
        arrays.set(name, all);
      });
    binding.set(tensor.name, bound);
  }
  return { binding, arrays };
}

/** A and B in float32. */
function widened({ quantization, a: [a, scales], b }: AdaptedTensor, columns: number): { a: Bytes[]; b: Bytes } {
  if (quantization === "f32") return { a: [a!], b };
  const halves = (bytes: Bytes) => widen("float16", bytes);
  let numbers = halves(scales ?? a!);
  if (scales) {
    // Rows are filled up to whole groups.
    const [groups, values] = [numbers, a!];
    const width = Math.ceil(columns / 32) * 32;
    numbers = new Float32Array((values.length / width) * columns);
    for (let i = 0; i < numbers.length; i++) {
      const at = Math.floor(i / columns) * width + (i % columns);
      numbers[i] = (values[at]! - 128) * groups[at >> 5]!;
    }
  }
  return { a: [new Uint8Array(numbers.buffer)], b: new Uint8Array(halves(b).buffer) };
}

function isQuantization(value: string): value is Bound["quantization"] {
  return Object.hasOwn(LORA_SCHEMES, value);
}

/** Of the bits of floats without their sign. A loop: `every` would call a function for each of millions of values. */
function allBelow(bits: Uint16Array | Uint32Array, limit: number): boolean {
  const mask = bits instanceof Uint16Array ? 0x7fff : 0x7fff_ffff;
  for (let i = 0; i < bits.length; i++) if ((bits[i]! & mask) >= limit) return false;
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
