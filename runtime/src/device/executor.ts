/**
 * Runs the functions of a loaded program: one command encoder, one compute pass and one submit for a list of calls.
 *
 * Owns the program's buffers, pipelines and bind groups until `destroy`. Bind groups are made at load and remade
 * only where the KV cache was replaced; encoding a step is three calls per dispatch and no allocation.
 */
import { LlmError } from "../internal/errors";
import { Allocation } from "./allocation";
import type { Device } from "./device";
import { evaluate } from "./expression";
import { BUFFER_USAGE, MAP_READ_MODE } from "./gpu_flags";
import { compilePipelines, type Pipeline } from "./pipelines";
import type { Plan, PlannedStep } from "./plan";
import { type Slot, UniformArena } from "./uniforms";
import { WeightUpload } from "./upload";

export interface ExecutorSources {
  /** WGSL text of a kernel. */
  kernel(hash: string): Promise<string>;
  /** Streams every parameter: pieces of one name in order, views valid until the sink's promise settles. */
  weights(sink: (name: string, offset: number, bytes: Uint8Array) => Promise<void>, signal: AbortSignal): Promise<void>;
}

export interface ExecutorOptions {
  readonly signal?: AbortSignal;
  readonly onCompile?: (compiled: number, total: number) => void;
  /** Pages that the KV cache starts with. */
  readonly firstPages?: number;
}

export interface Copy {
  readonly from: string;
  readonly to: GPUBuffer;
  readonly toOffset: number;
  readonly bytes: number;
}

interface CompiledStep {
  readonly pipeline: Pipeline;
  readonly planned: PlannedStep;
  readonly slot: Slot | null;
  group: GPUBindGroup;
  readonly usesKv: boolean;
}

const GRID_CACHE = 128;

export class Executor {
  private readonly functions = new Map<string, CompiledStep[]>();
  private readonly grids = new Map<string, Uint32Array>();
  private readonly arena: UniformArena;
  private uniforms!: GPUBuffer;
  private boundKv = -1;
  private prefillN = 1;

  private constructor(
    readonly device: Device,
    readonly plan: Plan,
    private readonly allocation: Allocation,
  ) {
    this.arena = new UniformArena(device.capabilities.limits.minUniformBufferOffsetAlignment);
  }

  /**
   * Allocates, compiles and uploads, the last two at the same time. On failure everything is released again.
   * Errors: out_of_memory, integrity, invalid_package, unsupported_device, aborted, and what the sources throw.
   */
  static async create(
    device: Device,
    plan: Plan,
    sources: ExecutorSources,
    options: ExecutorOptions = {},
  ): Promise<Executor> {
    options.signal?.throwIfAborted();
    const allocation = await Allocation.create(device, plan, options.firstPages ?? 16);
    // Where one of the two fails, the other is told to stop, and its own failure is no news.
    const stop = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
    let weights: Promise<unknown> = Promise.resolve();
    let compile: Promise<Map<string, Pipeline>> = Promise.resolve(new Map());
    try {
      const upload = new WeightUpload(device, allocation, plan.program.parameters);
      weights = sources.weights(async (name, offset, bytes) => {
        // Buffers are released after a failure, and no late piece may reach them.
        signal.throwIfAborted();
        await upload.piece(name, offset, bytes);
      }, signal);
      compile = compilePipelines(device, plan.kernels, sources.kernel, (done, total) => {
        signal.throwIfAborted();
        options.onCompile?.(done, total);
      });
      weights.catch(() => stop.abort());
      compile.catch(() => stop.abort());
      await Promise.race([Promise.all([weights, compile]), device.failed.then((error) => Promise.reject(error))]);
      upload.finish();
      const executor = new Executor(device, plan, allocation);
      await executor.bind(await compile);
      options.signal?.throwIfAborted();
      return executor;
    } catch (thrown) {
      stop.abort();
      await Promise.allSettled([weights, compile]);
      allocation.destroy();
      throw thrown;
    }
  }

  /** Pages per layer that the KV cache holds now. */
  get kvPages(): number {
    return this.allocation.kvPages;
  }

  /** Makes the KV cache hold `pages` pages per layer. Errors: out_of_memory, with the cache as it was. */
  growKv(pages: number): Promise<void> {
    return this.allocation.grow(Math.min(pages, this.plan.maxPages));
  }

  /** Copies one page of every KV buffer, in queue order. */
  copyPage(from: number, to: number): void {
    this.allocation.copyPage(from, to);
  }

  write(name: string, data: Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>, offsetBytes = 0): void {
    this.device.gpu.queue.writeBuffer(this.allocation.get(name), offsetBytes, data);
  }

  /** Queues the functions in order as one submit, then the copies. `n` is the symbol n of prefill. */
  run(calls: readonly string[], n = 1, copies: readonly Copy[] = []): void {
    if (this.device.failure) throw this.device.failure;
    const { queue } = this.device.gpu;
    if (calls.includes("prefill")) this.prefillN = n;
    this.arena.update({ n: this.prefillN, kv_pages: this.kvPages }, (offset, bytes) =>
      queue.writeBuffer(this.uniforms, offset, bytes),
    );
    if (this.boundKv !== this.allocation.kvGeneration) this.rebindKv();

    const encoder = this.device.gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (const name of calls) this.encode(pass, name, name === "prefill" ? n : 1);
    pass.end();
    for (const { from, to, toOffset, bytes } of copies)
      encoder.copyBufferToBuffer(this.allocation.get(from), 0, to, toOffset, bytes);
    queue.submit([encoder.finish()]);
  }

  /** Waits until everything queued so far has run. Errors: the device's failure. */
  finished(): Promise<void> {
    return this.device.guard(this.device.gpu.queue.onSubmittedWorkDone().then(() => undefined));
  }

  /** The bytes of a buffer after everything queued so far; for verification. Weights cannot be read. */
  async read(name: string): Promise<ArrayBuffer> {
    const source = this.allocation.get(name);
    const { gpu } = this.device;
    const staging = gpu.createBuffer({ size: source.size, usage: BUFFER_USAGE.MAP_READ | BUFFER_USAGE.COPY_DST });
    const encoder = gpu.createCommandEncoder();
    encoder.copyBufferToBuffer(source, 0, staging, 0, source.size);
    gpu.queue.submit([encoder.finish()]);
    try {
      await this.device.guard(staging.mapAsync(MAP_READ_MODE));
      return staging.getMappedRange().slice(0);
    } finally {
      staging.destroy();
    }
  }

  destroy(): void {
    this.allocation.destroy();
    this.uniforms?.destroy();
  }

  private encode(pass: GPUComputePassEncoder, name: string, n: number): void {
    const steps = this.functions.get(name);
    if (!steps) throw new LlmError("internal", `The program has no function ${name}.`);
    const grid = this.gridOf(name, steps, n);
    let current: GPUComputePipeline | null = null;
    for (let i = 0; i < steps.length; i++) {
      const step = steps[i]!;
      if (step.pipeline.pipeline !== current) {
        current = step.pipeline.pipeline;
        pass.setPipeline(current);
      }
      pass.setBindGroup(0, step.group);
      pass.dispatchWorkgroups(grid[3 * i]!, grid[3 * i + 1]!, grid[3 * i + 2]!);
    }
  }

  /** Workgroups of every step, x, y and z in turn. */
  private gridOf(name: string, steps: readonly CompiledStep[], n: number): Uint32Array {
    const key = `${name}|${n}|${this.kvPages}`;
    const known = this.grids.get(key);
    if (known) return known;
    const symbols = { n, kv_pages: this.kvPages };
    const grid = Uint32Array.from(
      steps.flatMap(({ planned }) => planned.grid.map((extent) => evaluate(extent, symbols))),
    );
    if (this.grids.size >= GRID_CACHE) this.grids.clear();
    this.grids.set(key, grid);
    return grid;
  }

  private async bind(pipelines: ReadonlyMap<string, Pipeline>): Promise<void> {
    const { device, plan, arena, allocation } = this;
    const slots = new Map<PlannedStep, Slot>();
    for (const [name, steps] of plan.functions) {
      for (const step of steps) {
        if (step.kernel.uniforms.length > 0) slots.set(step, arena.slotFor(step.kernel.uniforms, name === "prefill"));
      }
    }
    await device.create("the bind groups of this model", () => {
      this.uniforms = device.gpu.createBuffer({
        label: "uniforms",
        size: arena.size,
        usage: BUFFER_USAGE.UNIFORM | BUFFER_USAGE.COPY_DST,
      });
      for (const [name, steps] of plan.functions) {
        this.functions.set(
          name,
          steps.map((planned) => {
            const pipeline = pipelines.get(planned.kernel.hash)!;
            const slot = slots.get(planned) ?? null;
            const group = this.createGroup(pipeline, planned, slot);
            return {
              pipeline,
              planned,
              slot,
              group,
              usesKv: planned.targets.some((target) => allocation.isKv(target)),
            };
          }),
        );
      }
    });
    this.boundKv = allocation.kvGeneration;
  }

  private rebindKv(): void {
    for (const steps of this.functions.values()) {
      for (const step of steps) if (step.usesKv) step.group = this.createGroup(step.pipeline, step.planned, step.slot);
    }
    this.boundKv = this.allocation.kvGeneration;
  }

  private createGroup(pipeline: Pipeline, planned: PlannedStep, slot: Slot | null): GPUBindGroup {
    const entries: GPUBindGroupEntry[] = planned.targets.map((target, binding) => ({
      binding,
      resource: { buffer: this.allocation.get(target) },
    }));
    if (slot)
      entries.push({
        binding: entries.length,
        resource: { buffer: this.uniforms, offset: slot.offset, size: slot.size },
      });
    return this.device.gpu.createBindGroup({ label: planned.kernel.name, layout: pipeline.layout, entries });
  }
}
