/**
 * Writes streamed weight bytes into the parameters' buffers, piece by piece.
 *
 * WebGPU writes whole 4-byte words only, while pieces may end anywhere: the odd bytes of a piece wait for the next.
 * JavaScript holds a piece at a time; the browser's own upload queue is drained every DRAIN_BYTES.
 */
import { LlmError } from "../../internal/errors";
import type { Parameter } from "../program";
import { widen } from "../widen";
import type { Allocation } from "./allocation";
import type { Device } from "./device";
import type { Placement } from "./weight_placement";

const DRAIN_BYTES = 64 * 2 ** 20;
/** A scale that vanishes takes its group of weights with it; of a plain weight that vanishes nothing is noticed. */
const SCALES = /\.q_scale(_min)?$/;

export class WeightUpload {
  private readonly progress = new Map<string, { received: number; tail: Uint8Array }>();
  private sinceDrain = 0;

  constructor(
    private readonly device: Device,
    private readonly allocation: Allocation,
    private readonly parameters: ReadonlyMap<string, Parameter>,
    /** Of those parameters that are used. */
    private readonly placements: ReadonlyMap<string, Placement>,
    /** The device reads float16 below 2^-14 as they are (half_probe.ts). */
    private readonly exactHalves = true,
  ) {}

  /** Pieces of one parameter must come in order. Parameters that the program does not use are passed over. */
  async piece(name: string, offset: number, bytes: Uint8Array): Promise<void> {
    const parameter = this.parameters.get(name);
    if (!parameter) return;
    const entry = this.progress.get(name) ?? { received: 0, tail: new Uint8Array(0) };
    if (offset !== entry.received || offset + bytes.byteLength > parameter.nbytes) {
      throw new LlmError(
        "invalid_package",
        `The weights of ${name} have bytes ${offset} to ${offset + bytes.byteLength}, but byte ${entry.received} of ${parameter.nbytes} comes next.`,
      );
    }
    const start = offset - entry.tail.byteLength;
    const end = offset + bytes.byteLength;
    const last = end === parameter.nbytes;
    const whole = last ? Math.ceil((end - start) / 4) * 4 : Math.floor((end - start) / 4) * 4;
    if (entry.tail.byteLength === 0 && whole === bytes.byteLength) this.write(name, start, bytes);
    else {
      const joined = new Uint8Array(Math.max(whole, end - start));
      joined.set(entry.tail);
      joined.set(bytes, entry.tail.byteLength);
      this.write(name, start, joined.subarray(0, whole));
      entry.tail = last ? new Uint8Array(0) : joined.slice(whole);
    }
    entry.received = end;
    this.progress.set(name, entry);
    this.sinceDrain += bytes.byteLength;
    if (this.sinceDrain >= DRAIN_BYTES) {
      this.sinceDrain = 0;
      this.device.gpu.queue.submit([]);
      await this.device.guard(this.device.gpu.queue.onSubmittedWorkDone());
    }
  }

  /** Errors: invalid_package when a parameter is missing or short. */
  finish(): void {
    for (const { name, nbytes } of this.parameters.values()) {
      const received = this.progress.get(name)?.received ?? 0;
      if (received !== nbytes) {
        throw new LlmError(
          "invalid_package",
          `The weights give ${received} bytes of ${name}, and the program needs ${nbytes}.`,
          {
            parameter: name,
          },
        );
      }
    }
  }

  /** Whole words from byte `offset` of the stored array on. */
  private write(name: string, offset: number, bytes: Uint8Array): void {
    const placement = this.placements.get(name);
    if (!placement || bytes.byteLength === 0) return;
    if (!this.exactHalves && SCALES.test(name) && this.parameters.get(name)!.dtype === "float16")
      requireNormal(name, bytes);
    for (const { start, end, buffer, at } of placement.segments) {
      const from = Math.max(offset, start);
      const to = Math.min(offset + bytes.byteLength, end);
      if (from < to)
        this.writeTo(buffer, at + from - start, bytes.subarray(from - offset, to - offset), placement.widen);
    }
  }

  private writeTo(buffer: string, offset: number, bytes: Uint8Array, from: Placement["widen"]): void {
    const { queue } = this.device.gpu;
    const target = this.allocation.get(buffer);
    if (from) queue.writeBuffer(target, 2 * offset, widen(from, bytes));
    else queue.writeBuffer(target, offset, bytes as Uint8Array<ArrayBuffer>);
  }
}

/** Errors: unsupported_device for a float16 below 2^-14 other than 0. */
function requireNormal(name: string, bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 2 <= bytes.byteLength; at += 2) {
    const half = view.getUint16(at, true) & 0x7fff;
    if (half === 0 || half >= 0x0400) continue;
    throw new LlmError(
      "unsupported_device",
      `This GPU takes float16 numbers below 2^-14 for zero, and ${name} has some. Use the CPU.`,
      { parameter: name },
    );
  }
}
