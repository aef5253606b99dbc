/**
 * The GPU buffers of one loaded program: weights, constants, inputs, state, scratch, outputs and the KV cache.
 *
 * Owns every buffer until `destroy`. The KV cache starts small and grows; `kvGeneration` tells holders of bind
 * groups when a buffer was replaced.
 */
import { LlmError } from "../../internal/errors";
import type { Device } from "./device";
import { BUFFER_USAGE } from "./gpu_flags";
import type { Plan } from "./plan";

const { STORAGE, COPY_DST, COPY_SRC } = BUFFER_USAGE;

export class Allocation {
  private kv = new Map<string, GPUBuffer>();
  private pages = 0;
  /** Changes whenever a KV buffer is replaced. */
  kvGeneration = 0;

  private constructor(
    private readonly device: Device,
    private readonly plan: Plan,
    private readonly fixed: ReadonlyMap<string, GPUBuffer>,
  ) {}

  /** A page or slot on its way within one buffer, as WebGPU does not copy from a buffer to itself. */
  private transit: GPUBuffer | null = null;

  /** Errors: out_of_memory. */
  static async create(device: Device, plan: Plan, firstPages: number): Promise<Allocation> {
    const buffers = new Map<string, GPUBuffer>();
    const allocation = new Allocation(device, plan, buffers);
    try {
      await device.create("the weights and buffers of this model", () => {
        for (const [name, size] of plan.fixedBytes) {
          const usage = plan.weightBuffers.has(name) ? STORAGE | COPY_DST : STORAGE | COPY_DST | COPY_SRC;
          buffers.set(name, device.gpu.createBuffer({ label: name, size, usage }));
        }
      });
      await allocation.grow(Math.min(firstPages, plan.maxPages));
      for (const constant of plan.program.constants.values())
        device.gpu.queue.writeBuffer(buffers.get(constant.name)!, 0, padTo4(constant.data));
      return allocation;
    } catch (thrown) {
      allocation.destroy();
      throw thrown;
    }
  }

  /** Pages per layer that the cache holds now: the symbol kv_pages. */
  get kvPages(): number {
    return this.pages;
  }

  /** Those of the weights. */
  weights(): GPUBuffer[] {
    return [...this.plan.weightBuffers].map((name) => this.get(name));
  }

  get(name: string): GPUBuffer {
    const buffer = this.fixed.get(name) ?? this.kv.get(name);
    if (!buffer) throw new LlmError("internal", `There is no buffer ${name}.`);
    return buffer;
  }

  isKv(name: string): boolean {
    return this.kv.has(name);
  }

  /**
   * Makes room for `pages` pages per layer and keeps what the cache holds. One buffer at a time is copied, so the
   * peak is one buffer above the new size. Errors: out_of_memory; the cache then keeps its size and its content.
   */
  async grow(pages: number): Promise<void> {
    const { gpu } = this.device;
    for (const [name, pageBytes] of this.plan.pageBytes) {
      const size = pages * pageBytes;
      const old = this.kv.get(name);
      if (old && old.size >= size) continue;
      const buffer = await this.device.create(`${pages} pages of the KV cache`, () =>
        gpu.createBuffer({ label: name, size, usage: STORAGE | COPY_DST | COPY_SRC }),
      );
      if (old) {
        const encoder = gpu.createCommandEncoder();
        encoder.copyBufferToBuffer(old, 0, buffer, 0, old.size);
        gpu.queue.submit([encoder.finish()]);
        old.destroy();
      }
      this.kv.set(name, buffer);
      this.kvGeneration += 1;
    }
    this.pages = Math.max(this.pages, pages);
  }

  /** Copies one page of every KV buffer. */
  copyPage(from: number, to: number): void {
    this.copyWithin(this.plan.pageBytes, from, to);
  }

  /** Copies one slot of every recurrent_state buffer. */
  copySlot(from: number, to: number): void {
    this.copyWithin(this.plan.slotBytes, from, to);
  }

  private copyWithin(itemBytes: ReadonlyMap<string, number>, from: number, to: number): void {
    if (itemBytes.size === 0) return;
    this.transit ??= this.device.gpu.createBuffer({
      label: "in transit",
      size: Math.max(...this.plan.pageBytes.values(), ...this.plan.slotBytes.values()),
      usage: COPY_DST | COPY_SRC,
    });
    const encoder = this.device.gpu.createCommandEncoder();
    for (const [name, bytes] of itemBytes) {
      const buffer = this.get(name);
      encoder.copyBufferToBuffer(buffer, from * bytes, this.transit, 0, bytes);
      encoder.copyBufferToBuffer(this.transit, 0, buffer, to * bytes, bytes);
    }
    this.device.gpu.queue.submit([encoder.finish()]);
  }

  destroy(): void {
    for (const buffer of [...this.fixed.values(), ...this.kv.values()]) buffer.destroy();
    this.transit?.destroy();
  }
}

function padTo4(data: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (data.byteLength % 4 === 0) return data;
  const padded = new Uint8Array(Math.ceil(data.byteLength / 4) * 4);
  padded.set(data);
  return padded;
}
