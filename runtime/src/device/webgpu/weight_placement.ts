/**
 * In which GPU buffers the stored arrays of the weights lie.
 *
 * An array has a buffer of its own. A matrix that is larger than a buffer may be is kept in slices of whole rows, all
 * arrays of it alike, and its operators run once a slice. Where the first half of its rows are gate rows, a slice has
 * gate rows and then the up rows that belong to them. Vectors are widened to float32, which all kernels read.
 */
import { LlmError } from "../../internal/errors";
import { roundUp } from "../../internal/round_up";
import type { ArrayArgument } from "../definition";
import type { Parameter, Program } from "../program";

/** Slices begin at multiples of this: workgroups of most kernels are whole then, and bytes whole words. */
const SLICE_ROWS = 64;

/** Stored bytes [start, end) and where they go. */
export interface Segment {
  readonly start: number;
  readonly end: number;
  readonly buffer: string;
  /** Byte of the buffer; before widening, which doubles it. */
  readonly at: number;
}
export interface Placement {
  readonly segments: readonly Segment[];
  /** What the values are widened from. */
  readonly widen: "float16" | "bfloat16" | null;
}
export interface Slice {
  /** Rows in this slice. */
  readonly rows: number;
  /** Outputs before it: rows, or gate rows with their up rows. */
  readonly firstOutput: number;
}
interface SlicedMatrix {
  readonly parts: 1 | 2;
  readonly slices: readonly Slice[];
}

export class WeightPlacement {
  readonly placements = new Map<string, Placement>();
  /** Bytes by name of the buffer. */
  readonly buffers = new Map<string, number>();
  private readonly sliced = new Map<string, SlicedMatrix>();

  /** `maxBytes`: the largest buffer that can be bound. */
  constructor(
    private readonly program: Program,
    private readonly maxBytes: number,
  ) {}

  /**
   * Places the arrays of a step that are weights; `parts`: 2 where the first half of a matrix's rows are gate rows.
   * Returns the slices that its matrix is in; null: it is whole. Errors: unsupported_device.
   */
  placeStep(
    arrays: readonly ArrayArgument[],
    given: ReadonlyMap<string, string>,
    parts: 1 | 2,
  ): readonly Slice[] | null {
    const matrix: Parameter[] = [];
    for (const { name, role } of arrays) {
      const parameter = this.program.parameters.get(given.get(name)!);
      if (!parameter) continue;
      if (role === "matrix") matrix.push(parameter);
      else this.placeWhole(parameter, role === "vector");
    }
    const [first] = matrix;
    if (!first) return null;
    const known = this.sliced.get(first.name);
    if (known && known.parts !== parts)
      throw unsupported(`${first.name} is read in two ways and too large for one buffer`, first.nbytes, this.maxBytes);
    if (known) return known.slices;
    if (matrix.every(({ nbytes }) => roundUp(nbytes, 16) <= this.maxBytes)) {
      for (const parameter of matrix) this.placeWhole(parameter, false);
      return null;
    }
    const slices = this.slice(matrix, parts);
    this.sliced.set(first.name, { parts, slices });
    return slices;
  }

  /** The name of the buffer that holds a slice of a stored array, or all of it. */
  bufferOf(parameter: string, slice: number | null): string {
    return slice === null ? parameter : `${parameter}[${slice}]`;
  }

  /** An array that no matrix argument reads. */
  placeWhole(parameter: Parameter, vector: boolean): void {
    const { name, dtype, nbytes } = parameter;
    const widen = vector && (dtype === "float16" || dtype === "bfloat16") ? dtype : null;
    const known = this.placements.get(name);
    if (known && (known.widen !== widen || known.segments[0]!.buffer !== name))
      throw unsupported(`${name} is read in two ways, which its kernels cannot`, nbytes, this.maxBytes);
    if (known) return;
    const bytes = widen ? 2 * nbytes : nbytes;
    if (roundUp(bytes, 16) > this.maxBytes)
      throw unsupported(`${name} cannot be bound in parts and is too large for one buffer`, bytes, this.maxBytes);
    this.buffers.set(name, roundUp(bytes, 16));
    this.placements.set(name, {
      segments: [{ start: 0, end: roundUp(nbytes, 4), buffer: name, at: 0 }],
      widen,
    });
  }

  private slice(matrix: readonly Parameter[], parts: 1 | 2): readonly Slice[] {
    const outputs = matrix[0]!.shape[0]! / parts;
    const rowBytes = matrix.map(({ nbytes, shape }) => nbytes / shape[0]!);
    const fitting = Math.min(...rowBytes.map((bytes) => Math.floor(this.maxBytes / (parts * bytes))));
    const most = Math.floor(fitting / SLICE_ROWS) * SLICE_ROWS;
    const { name, nbytes } = matrix[0]!;
    if (most === 0) throw unsupported(`${name} has rows too large for a buffer`, nbytes, this.maxBytes);
    const slices: Slice[] = [];
    for (let firstOutput = 0; firstOutput < outputs; firstOutput += most)
      slices.push({ firstOutput, rows: parts * Math.min(most, outputs - firstOutput) });
    matrix.forEach((parameter, i) => {
      const bytes = rowBytes[i]!;
      const segments: Segment[] = [];
      for (let part = 0; part < parts; part++) {
        slices.forEach(({ firstOutput, rows }, index) => {
          const start = (part * outputs + firstOutput) * bytes;
          const length = (rows / parts) * bytes;
          segments.push({
            start,
            end: start + length,
            buffer: this.bufferOf(parameter.name, index),
            at: part * length,
          });
        });
      }
      const odd = segments.some(({ start, at }) => start % 4 !== 0 || at % 4 !== 0);
      if (odd) throw unsupported(`${parameter.name} has rows that end within a word`, parameter.nbytes, this.maxBytes);
      const last = segments.at(-1)!;
      segments[segments.length - 1] = { ...last, end: roundUp(last.end, 4) };
      slices.forEach(({ rows }, index) => {
        this.buffers.set(this.bufferOf(parameter.name, index), roundUp(rows * bytes, 16));
      });
      this.placements.set(parameter.name, { segments, widen: null });
    });
    return slices;
  }
}

function unsupported(what: string, requested: number, limit: number): LlmError {
  return new LlmError("unsupported_device", `${what}: this device allows ${limit} bytes. Use the CPU.`, {
    requested,
    limit,
  });
}
