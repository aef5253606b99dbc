/**
 * The weights as the CPU's kernels want them: every parameter at a fixed place of one image.
 *
 * Grouped matrices become blocks of 4 rows by 32 columns (compiler/nomoat_compiler/operators/cpu/blocks.py), plain ones
 * stay rows, gains and biases become float32. An image is made once from the package's arrays and kept beside it in
 * storage; every later load reads it straight into memory.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { LlmError } from "../../internal/errors";
import type { DerivedFiles } from "../../internal/files";
import { roundUp } from "../../internal/round_up";
import type { OpenOptions, WeightStream } from "../executor";
import { type Dtype, type GroupedScheme, ITEM_BYTES, type Parameter, type Program, type Scheme } from "../program";
import { INTEGER_SCALES } from "../stored_parameters";
import { LIBRARY } from "./library.gen";
import { Layout, tooLarge } from "./memory";
import { givenArguments, numberOf, type PlannedFunctions, type PlannedStep, schemeOf } from "./planned_step";

/** Change it whenever the bytes of an image change their meaning. */
const IMAGE_VERSION = 2;
const FILE_NAME = "wasm-weights";
/** Bytes that are repacked or moved at once. */
export const PIECE_BYTES = 8 * 2 ** 20;
export const MAX_WEIGHT_BYTES = 3.5 * 2 ** 30;
const ROWS = 4;
const COLUMNS = 32;
/** Blocks of columns whose integer scales are multiples of the same float32. */
const SUPER_BLOCKS = 8;
/** Sums of one group of rows. */
const SUM_BYTES = 4 * ROWS;

export type FormatName = keyof typeof LIBRARY.formats;

/** A matrix in the image. */
export interface Matrix {
  /** Bytes from the start of the image. */
  readonly offset: number;
  /** Of kernel names: gemm_<format>, matmul_<format>, embed_<format>. */
  readonly format: FormatName | Dtype | "int16";
  /** The zero point where no minimum is stored. */
  readonly zero: number;
  /** Groups of 32 columns; of grouped formats only. */
  readonly kBlocks: number;
  /** Groups of 4 rows. */
  readonly nBlocks: number;
  /** Bytes of one group of 4 rows. */
  readonly blockRowBytes: number;
  /** Bytes from the start of the image to the float32 sums of the rows; of 8-bit formats only, else null. */
  readonly sums: number | null;
}

/** A kernel of the library that is not a part of a step. */
export type Kernels = Readonly<Record<string, (...values: number[]) => void>>;

type Target = { readonly offset: number; readonly write: Write };
/** Brings `count` values of a parameter, from value `first` on, from `source` to the image. */
type Write = (kernels: Kernels, source: number, target: number, first: number, count: number) => void;

/** Where the matrices and vectors of an image lie. */
export type PlacedImage = Pick<WeightImage, "matrix" | "vector">;

export class WeightImage {
  private readonly matrices = new Map<string, Matrix>();
  private readonly targets = new Map<string, Target>();
  private readonly vectors = new Map<string, number>();
  private readonly layout: Layout;

  /**
   * Holds every matrix and vector that a step is given and `below` does not hold; with `below`, from byte `start` of
   * that one's image on. Errors: unsupported_device for what the kernels cannot read.
   */
  constructor(
    private readonly program: Program,
    functions: PlannedFunctions,
    private readonly below: WeightImage | null = null,
    start = 0,
  ) {
    this.layout = new Layout(start);
    for (const steps of functions.values()) for (const step of steps) this.addArrays(step);
    if (!below && this.nbytes > MAX_WEIGHT_BYTES) throw tooLarge(this.nbytes);
  }

  /** Bytes of the image. */
  get nbytes(): number {
    return this.layout.end;
  }

  matrix(name: string): Matrix {
    const matrix = this.matrices.get(name) ?? this.below?.matrices.get(name);
    if (!matrix) throw new LlmError("internal", `There is no matrix ${name} in the image.`);
    return matrix;
  }

  /** Bytes from the start of the image to a float32 vector. */
  vector(name: string): number {
    const offset = this.vectors.get(name) ?? this.below?.vectors.get(name);
    if (offset === undefined) throw new LlmError("internal", `There is no vector ${name} in the image.`);
    return offset;
  }

  /** Bytes that a kernel reads of a whole matrix. */
  matrixBytes(name: string): number {
    const { nBlocks, blockRowBytes, sums } = this.matrix(name);
    return nBlocks * (blockRowBytes + (sums === null ? 0 : SUM_BYTES));
  }

  /**
   * Fills the image at `base` of `memory`. `staging` is the address of PIECE_BYTES of memory that nothing else uses.
   * Errors: invalid_package where weights are missing or too many, and what the sources throw.
   */
  async fill(
    memory: WebAssembly.Memory,
    base: number,
    staging: number,
    kernels: Kernels,
    sources: { readonly weights: WeightStream; readonly cache: DerivedFiles | null },
    options: OpenOptions,
  ): Promise<void> {
    const view = (at: number, nbytes: number) => new Uint8Array(memory.buffer, at, nbytes);
    if (sources.cache && (await this.readKept(sources.cache, view, base, options))) return;
    await this.repack(view, base, staging, kernels, sources.weights, options);
    if (sources.cache) await this.keep(sources.cache, view, base, options.signal);
  }

  /** `fill` from whole arrays. `staging` has room for the largest of them. */
  async put(
    memory: WebAssembly.Memory,
    base: number,
    staging: number,
    kernels: Kernels,
    arrays: ReadonlyMap<string, Uint8Array>,
  ): Promise<void> {
    const weights: WeightStream = async (sink) => {
      for (const name of this.targets.keys()) sink(name, 0, arrays.get(name)!);
    };
    await this.fill(memory, base, staging, kernels, { weights, cache: null }, {});
  }

  private async readKept(
    cache: DerivedFiles,
    view: (at: number, nbytes: number) => Uint8Array,
    base: number,
    { signal, onLoad }: OpenOptions,
  ): Promise<boolean> {
    const reader = await cache.openRead(FILE_NAME, this.key());
    if (!reader) return false;
    try {
      if (reader.nbytes !== this.nbytes) return false;
      for (let at = 0; at < this.nbytes; at += PIECE_BYTES) {
        signal?.throwIfAborted();
        const count = Math.min(PIECE_BYTES, this.nbytes - at);
        await reader.read(view(base + at, count), at);
        onLoad?.(at + count, this.nbytes);
      }
      return true;
    } finally {
      reader.close();
    }
  }

  private async repack(
    view: (at: number, nbytes: number) => Uint8Array,
    base: number,
    staging: number,
    kernels: Kernels,
    weights: WeightStream,
    { signal, onLoad }: OpenOptions,
  ): Promise<void> {
    const received = new Map<string, number>();
    const { parameters } = this.program;
    const sink = (name: string, offset: number, bytes: Uint8Array) => {
      signal?.throwIfAborted();
      const parameter = parameters.get(name);
      const target = this.targets.get(name);
      if (!parameter || !target) return;
      const size = ITEM_BYTES[parameter.dtype];
      const start = received.get(name) ?? 0;
      if (offset !== start || offset + bytes.length > parameter.nbytes) {
        throw new LlmError(
          "invalid_package",
          `The weights of ${name} have bytes ${offset} to ${offset + bytes.length}, but byte ${start} of ${parameter.nbytes} comes next.`,
        );
      }
      if (offset % size !== 0 || bytes.length % size !== 0)
        throw new LlmError("internal", `A piece of ${name} is cut within a value.`);
      for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
        const piece = bytes.subarray(at, at + PIECE_BYTES);
        view(staging, piece.length).set(piece);
        target.write(kernels, staging, base + target.offset, (offset + at) / size, piece.length / size);
      }
      received.set(name, offset + bytes.length);
    };
    await weights(sink, {
      ...(signal ? { signal } : {}),
      ...(onLoad ? { onProgress: onLoad } : {}),
    });
    for (const name of this.targets.keys()) {
      const { nbytes } = parameters.get(name)!;
      const got = received.get(name) ?? 0;
      if (got !== nbytes) {
        throw new LlmError(
          "invalid_package",
          `The weights give ${got} bytes of ${name}, and the program needs ${nbytes}.`,
          { parameter: name },
        );
      }
    }
    for (const { offset, sums, format, kBlocks, nBlocks, zero } of this.matrices.values())
      if (sums !== null) kernels[`row_sums_${format}`]!(base + offset, base + sums, kBlocks, nBlocks, zero);
  }

  /** Without room for it, the next load repacks again: nothing is lost but time. */
  private async keep(
    cache: DerivedFiles,
    view: (at: number, nbytes: number) => Uint8Array,
    base: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    try {
      const writer = await cache.openWrite(FILE_NAME, this.nbytes);
      try {
        for (let at = 0; at < this.nbytes; at += PIECE_BYTES) {
          signal?.throwIfAborted();
          await writer.write(view(base + at, Math.min(PIECE_BYTES, this.nbytes - at)), at);
        }
      } finally {
        await writer.close();
      }
      await cache.commit(FILE_NAME, this.key());
    } catch (thrown) {
      if (!(thrown instanceof LlmError && thrown.code === "storage_quota")) throw thrown;
      await cache.remove(FILE_NAME);
    }
  }

  /** Names the meaning of every byte of the image. */
  private key(): string {
    const places = [...this.targets].map(([name, { offset }]) => [name, offset]);
    const text = JSON.stringify([IMAGE_VERSION, places, [...this.matrices]]);
    return `${IMAGE_VERSION}-${bytesToHex(sha256(utf8ToBytes(text))).slice(0, 32)}`;
  }

  private addArrays(step: PlannedStep): void {
    for (const argument of givenArguments(step)) {
      const name = step.arguments.get(argument.name)!;
      const { role, size, columns } = argument;
      if (role === "matrix") {
        if (this.matrices.has(name) || this.below?.matrices.has(name)) continue;
        const scaleName = step.arguments.get(`${argument.name}_scale`);
        const fixed = step.lowering.fixed === argument.name;
        const shape = [numberOf(size, step.symbols), numberOf(columns, step.symbols)] as const;
        this.addMatrix(name, scaleName, ...shape, schemeOf(step), fixed);
      } else if (role === "vector" || (role === "frequencies" && this.program.parameters.has(name))) {
        this.addVector(name);
      }
    }
  }

  private addMatrix(
    name: string,
    scaleName: string | undefined,
    rows: number,
    columns: number,
    scheme: Scheme,
    fixed: boolean,
  ): void {
    const nBlocks = Math.ceil(rows / ROWS);
    if ("dtype" in scheme) {
      const blockRowBytes = ROWS * columns * ITEM_BYTES[scheme.dtype];
      const offset = this.layout.region(nBlocks * blockRowBytes);
      const integers = fixed && scheme.dtype === "float16";
      this.matrices.set(name, {
        offset,
        format: integers ? "int16" : scheme.dtype,
        zero: 0,
        kBlocks: 0,
        nBlocks,
        blockRowBytes,
        sums: null,
      });
      const write: Write = integers
        ? (kernels, source, target, first, count) => kernels.fix_halves!(source, target + 2 * first, count)
        : copyWrite(scheme.dtype);
      this.targets.set(name, { offset, write });
      return;
    }
    const format = formatOf(scheme);
    if (format === null) {
      throw new LlmError(
        "unsupported_device",
        `The CPU has no kernels for ${JSON.stringify(scheme)}, which ${name} is stored as. Use a GPU.`,
      );
    }
    const { nbytes, bits, super_bytes, integers } = LIBRARY.formats[format];
    const weightBytes = (ROWS * COLUMNS * bits) / 8;
    const kBlocks = Math.ceil(columns / COLUMNS);
    const header = Math.ceil(kBlocks / SUPER_BLOCKS) * super_bytes;
    const blockRowBytes = header + kBlocks * nbytes;
    const offset = this.layout.region(nBlocks * blockRowBytes);
    this.matrices.set(name, {
      offset,
      format,
      zero: scheme.zero ?? 0,
      kBlocks,
      nBlocks,
      blockRowBytes,
      sums: bits === 8 ? this.layout.region(nBlocks * SUM_BYTES) : null,
    });
    const rowWords = kBlocks * bits;
    this.targets.set(name, {
      offset,
      write: (kernels, source, target, first, count) =>
        kernels[`repack_weights_${bits}`]!(source, target, first, count, rowWords, blockRowBytes, header, nbytes),
    });
    if (integers > 0) {
      const [, supers, superWords] = this.program.parameters.get(scaleName!)!.shape as readonly [
        number,
        number,
        number,
      ];
      const sizes = [
        supers * superWords,
        superWords,
        super_bytes / 16,
        integers,
        kBlocks,
        blockRowBytes,
        header,
      ] as const;
      this.targets.set(scaleName!, {
        offset,
        write: (kernels, source, target, first, count) =>
          kernels.repack_integer_scales!(source, target, first, count, ...sizes, nbytes, weightBytes),
      });
      return;
    }
    const dtype = format.endsWith("b") ? "bits16" : scheme.scale_dtype;
    const repackScales = `repack_scales_${dtype}${scheme.minimum ? "_min" : ""}`;
    this.targets.set(scaleName!, {
      offset,
      write: (kernels, source, target, first, count) =>
        kernels[repackScales]!(source, target, first, count, kBlocks, nbytes, weightBytes),
    });
  }

  private addVector(name: string): void {
    if (this.vectors.has(name) || this.below?.vectors.has(name)) return;
    const parameter: Parameter = this.program.parameters.get(name)!;
    const length = parameter.shape.reduce((product, size) => product * size, 1);
    const offset = this.layout.region(roundUp(length, ROWS) * 4);
    this.vectors.set(name, offset);
    const { dtype } = parameter;
    this.targets.set(name, {
      offset,
      write:
        dtype === "float32"
          ? copyWrite(dtype)
          : (kernels, source, target, first, count) => kernels[`widen_${dtype}`]!(source, target, first, count),
    });
  }
}

/** As the compiler names it (operators/cpu/blocks.py); null where the library has no kernels for it. */
function formatOf({ bits, group_size, scale_dtype, minimum, codebook }: GroupedScheme): FormatName | null {
  const float = scale_dtype === "float16" ? "" : codebook ? "b" : "f";
  const suffix = scale_dtype in INTEGER_SCALES ? `_${scale_dtype}` : float;
  const name = `q${bits}${codebook ?? (minimum ? "m" : "s")}${suffix}`;
  if (!Object.hasOwn(LIBRARY.formats, name) || (suffix === "b" && scale_dtype !== "bfloat16")) return null;
  return LIBRARY.formats[name as FormatName].group_size === group_size ? (name as FormatName) : null;
}

function copyWrite(dtype: Dtype): Write {
  const size = ITEM_BYTES[dtype];
  return (kernels, source, target, first, count) => kernels.copy!(source, target + first * size, count * size);
}
