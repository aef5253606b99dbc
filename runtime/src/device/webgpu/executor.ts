/**
 * The WebGPU device: one command encoder, one compute pass and one submit for a list of calls, or a few where it would
 * hold a GPU for long.
 *
 * Owns the program's buffers, pipelines and bind groups, and the device, until `destroy`. Bind groups are made at load and remade
 * only where the KV cache was replaced; encoding a step is three calls per dispatch and no allocation.
 */
import { LlmError } from "../../internal/errors";
import { isOfPrompt } from "../definition";
import type { Copy, DeviceSources, Executor, OpenOptions, Pacing, ReadbackPool } from "../executor";
import { evaluate } from "../expression";
import type { Program } from "../program";
import { weightBytesPerToken } from "../weight_bytes";
import { Allocation } from "./allocation";
import { measureBandwidth } from "./bandwidth";
import { type Device, openDevice } from "./device";
import { BUFFER_USAGE, MAP_READ_MODE } from "./gpu_flags";
import { type KernelLibrary, loadLibrary } from "./library";
import { type Pipeline, PipelineCompiler } from "./pipelines";
import { type Plan, type PlannedDispatch, planFor } from "./plan";
import { StagingPool, stagingBuffer } from "./readback";
import { Slicer } from "./slicer";
import { Trust, WrongAnswers } from "./trust";
import { type Slot, UniformArena } from "./uniforms";
import { WeightUpload } from "./upload";

interface CompiledDispatch {
  readonly pipeline: Pipeline;
  readonly planned: PlannedDispatch;
  readonly slot: Slot | null;
  group: GPUBindGroup;
  readonly usesKv: boolean;
}
/** A function, and what each of its dispatches costs for one token, in bytes of weights. */
interface CompiledFunction {
  readonly dispatches: readonly CompiledDispatch[];
  readonly costs: Float64Array;
}
export interface WebGpuOptions extends OpenOptions {
  /** What a submit should take at most. Default: short where other pages share the GPU, else without limit. */
  readonly submitTargetMs?: number;
  /** The kernels that ship with the runtime, for tests of what happens with wrong ones. */
  readonly library?: () => Promise<KernelLibrary>;
  /** Whether kernels must give known answers before they are used. Default: on GPUs; a software adapter computes as in our tests. */
  readonly tryKernels?: boolean;
}

const GRID_CACHE = 128;
/** A page that draws 30 times a second waits for no more than one frame. */
const SUBMIT_TARGET_MS = 30;
/** What a dispatch costs that reads no weights: about what a GPU reads while it starts one. */
const DISPATCH_COST = 2 ** 18;
/** Submits are short, so that pages keep drawing and an abort takes effect soon. */
const GPU_PACING: Pacing = { synchronous: false, decodeTargetMs: 33, prefillTargetMs: 30, firstPrefill: 32 };
// A software adapter shares no GPU with other pages, so only the delay of an abort speaks for small chunks there.
const SOFTWARE_PACING: Pacing = { ...GPU_PACING, prefillTargetMs: 1000, firstPrefill: 16 };

/** Opens the device and loads the program. Errors: as of `create` and openDevice; nothing stays open then. */
export async function openWebGpuExecutor(
  gpu: GPU | undefined,
  program: Program,
  sources: DeviceSources,
  options: OpenOptions = {},
): Promise<WebGpuExecutor> {
  const device = await openDevice(gpu);
  try {
    return await WebGpuExecutor.load(device, program, sources, options);
  } catch (thrown) {
    device.destroy();
    throw device.failure && !options.signal?.aborted ? device.failure : thrown;
  }
}

export class WebGpuExecutor implements Executor {
  readonly kind = "webgpu";
  readonly threads = null;
  readonly weightBytesPerToken: number;
  private readonly functions = new Map<string, CompiledFunction>();
  private readonly slicers: { readonly prefill: Slicer; readonly others: Slicer };
  private readonly grids = new Map<string, Uint32Array>();
  private readonly arena: UniformArena;
  private uniforms!: GPUBuffer;
  private boundKv = -1;
  private prefillN = 1;

  private constructor(
    readonly device: Device,
    readonly plan: Plan,
    private readonly allocation: Allocation,
    submitTargetMs: number,
    /** What of the library is not used here, and why. */
    readonly doubts: string | null,
  ) {
    this.slicers = { prefill: new Slicer(submitTargetMs), others: new Slicer(submitTargetMs) };
    this.arena = new UniformArena(device.capabilities.limits.minUniformBufferOffsetAlignment);
    this.weightBytesPerToken = weightBytesPerToken(plan.program);
  }

  /**
   * Fits the program to the device and loads it, with kernels whose known answers come out right; where one does not,
   * again with others.
   * Errors: out_of_memory, integrity, invalid_package, unsupported_device, aborted, and what the sources throw.
   */
  static async load(
    device: Device,
    program: Program,
    sources: DeviceSources,
    options: WebGpuOptions = {},
  ): Promise<WebGpuExecutor> {
    const library = options.library ?? loadLibrary;
    const { operators } = await library();
    const compiler = new PipelineCompiler(device, { library, own: sources.kernel });
    const tried = options.tryKernels ?? !device.software;
    const trust = tried ? await Trust.open(device, compiler, library, sources.derived) : null;
    for (;;) {
      const plan = planFor(program, trust?.capabilities ?? device.capabilities, operators, {
        kernels: options.kernels ?? "library",
        ...(trust ? { excluded: trust.excluded } : {}),
      });
      try {
        return await WebGpuExecutor.create(device, plan, sources, options, compiler, trust);
      } catch (thrown) {
        if (!(thrown instanceof WrongAnswers)) throw thrown;
      }
    }
  }

  /**
   * Allocates, compiles, tries and uploads, the last three at the same time. On failure all but the device is released.
   * Errors: as of `load`, and WrongAnswers where `trust` says so.
   */
  static async create(
    device: Device,
    plan: Plan,
    sources: DeviceSources,
    options: WebGpuOptions = {},
    compiler = new PipelineCompiler(device, { library: options.library ?? loadLibrary, own: sources.kernel }),
    trust: Trust | null = null,
  ): Promise<WebGpuExecutor> {
    options.signal?.throwIfAborted();
    const allocation = await Allocation.create(device, plan, options.firstPages ?? 16);
    // Where one of them fails, the others are told to stop, and their own failure is no news.
    const stop = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
    let weights: Promise<unknown> = Promise.resolve();
    let compile: Promise<Map<string, Pipeline>> = Promise.resolve(new Map());
    let check: Promise<void> = Promise.resolve();
    try {
      const upload = new WeightUpload(
        device,
        allocation,
        plan.program.parameters,
        plan.weights,
        trust?.exactHalves ?? true,
      );
      weights = sources.weights(
        async (name, offset, bytes) => {
          // Buffers are released after a failure, and no late piece may reach them.
          signal.throwIfAborted();
          await upload.piece(name, offset, bytes);
        },
        { signal, ...(options.onLoad ? { onProgress: options.onLoad } : {}) },
      );
      compile = compiler.compileAll(plan.pipelines, (done, total) => {
        signal.throwIfAborted();
        options.onCompile?.(done, total);
      });
      if (trust) check = trust.check(plan.used);
      for (const work of [weights, compile, check]) work.catch(() => stop.abort());
      const all = Promise.all([weights, compile, check]);
      await Promise.race([all, device.failed.then((error) => Promise.reject(error))]);
      upload.finish();
      const target = options.submitTargetMs ?? (device.software ? Number.POSITIVE_INFINITY : SUBMIT_TARGET_MS);
      const executor = new WebGpuExecutor(device, plan, allocation, target, trust?.doubts ?? null);
      await executor.bind(await compile);
      options.signal?.throwIfAborted();
      return executor;
    } catch (thrown) {
      stop.abort();
      const [, , checked] = await Promise.allSettled([weights, compile, check]);
      allocation.destroy();
      // A kernel that does not compile fails in both, and what to do about it only the check says.
      const wrong = checked.status === "rejected" && checked.reason instanceof WrongAnswers;
      throw wrong && !device.failure && !options.signal?.aborted ? checked.reason : thrown;
    }
  }

  get program(): Program {
    return this.plan.program;
  }

  get adapter(): string {
    return this.device.adapter;
  }

  get software(): boolean {
    return this.device.software;
  }

  get pacing(): Pacing {
    return this.device.software ? SOFTWARE_PACING : GPU_PACING;
  }

  get failure(): LlmError | null {
    return this.device.failure;
  }

  get failed(): Promise<LlmError> {
    return this.device.failed;
  }

  get maxPages(): number {
    return this.plan.maxPages;
  }

  get kvPages(): number {
    return this.allocation.kvPages;
  }

  growKv(pages: number): Promise<void> {
    return this.allocation.grow(Math.min(pages, this.plan.maxPages));
  }

  copyPage(from: number, to: number): void {
    this.allocation.copyPage(from, to);
  }

  get stateSlots(): number {
    return this.plan.stateSlots;
  }

  copySlot(from: number, to: number): void {
    this.allocation.copySlot(from, to);
  }

  write(name: string, data: Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>, offsetBytes = 0): void {
    this.device.gpu.queue.writeBuffer(this.allocation.get(name), offsetBytes, data);
  }

  /** Queues the functions in order, then the copies: as one submit, or cut into a few short ones. */
  run(calls: readonly string[], n = 1, copies: readonly Copy[] = []): void {
    if (this.device.failure) throw this.device.failure;
    const { queue } = this.device.gpu;
    const prefill = calls.some(isOfPrompt);
    if (prefill) this.prefillN = n;
    this.arena.update(this.prefillN, (offset, bytes) => queue.writeBuffer(this.uniforms, offset, bytes));
    if (this.boundKv !== this.allocation.kvGeneration) this.rebindKv();

    const slicer = this.slicers[prefill ? "prefill" : "others"];
    const costs = this.costsOf(calls, n);
    const ends = costs.length > 0 ? slicer.cut(costs) : [0];
    const submittedMs = performance.now();
    let first = 0;
    for (const end of ends) {
      const encoder = this.device.gpu.createCommandEncoder();
      const pass = encoder.beginComputePass();
      this.encode(pass, calls, n, first, end);
      pass.end();
      if (end === costs.length) this.encodeCopies(encoder, copies);
      queue.submit([encoder.finish()]);
      first = end;
    }
    if (!slicer.learns) return;
    const cost = costs.reduce((sum, each) => sum + each, 0);
    // A device that is lost meanwhile tells so elsewhere.
    queue.onSubmittedWorkDone().then(
      () => slicer.finished(cost, submittedMs, performance.now()),
      () => undefined,
    );
  }

  finished(): Promise<void> {
    return this.device.guard(this.device.gpu.queue.onSubmittedWorkDone().then(() => undefined));
  }

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

  readbacks(bytes: number): ReadbackPool {
    return new StagingPool(this.device, bytes);
  }

  measureBandwidth(signal?: AbortSignal): Promise<number> {
    return measureBandwidth(this.device, this.allocation.weights(), signal);
  }

  destroy(): void {
    this.allocation.destroy();
    this.uniforms?.destroy();
    this.device.destroy();
  }

  private function(name: string): CompiledFunction {
    const known = this.functions.get(name);
    if (!known) throw new LlmError("internal", `The program has no function ${name}.`);
    return known;
  }

  /** Of every dispatch of the calls. */
  private costsOf(calls: readonly string[], n: number): Float64Array {
    const count = calls.reduce((sum, name) => sum + this.function(name).costs.length, 0);
    const all = new Float64Array(count);
    let at = 0;
    for (const name of calls) {
      const { costs } = this.function(name);
      const tokens = isOfPrompt(name) ? n : 1;
      for (let i = 0; i < costs.length; i++) all[at++] = costs[i]! * tokens;
    }
    return all;
  }

  /** Dispatches first to end - 1 of all those of the calls. */
  private encode(pass: GPUComputePassEncoder, calls: readonly string[], n: number, first: number, end: number): void {
    let current: GPUComputePipeline | null = null;
    let start = 0;
    for (const name of calls) {
      const { dispatches } = this.function(name);
      const grid = this.gridOf(name, dispatches, isOfPrompt(name) ? n : 1);
      const last = Math.min(end - start, dispatches.length);
      for (let i = Math.max(first - start, 0); i < last; i++) {
        const { pipeline, group } = dispatches[i]!;
        if (pipeline.pipeline !== current) {
          current = pipeline.pipeline;
          pass.setPipeline(current);
        }
        pass.setBindGroup(0, group);
        pass.dispatchWorkgroups(grid[3 * i]!, grid[3 * i + 1]!, grid[3 * i + 2]!);
      }
      start += dispatches.length;
    }
  }

  private encodeCopies(encoder: GPUCommandEncoder, copies: readonly Copy[]): void {
    for (const { from, to, toOffset, bytes } of copies)
      encoder.copyBufferToBuffer(this.allocation.get(from), 0, stagingBuffer(to), toOffset, bytes);
  }

  /** Workgroups of every step, x, y and z in turn. */
  private gridOf(name: string, steps: readonly CompiledDispatch[], n: number): Uint32Array {
    const key = `${name}|${n}`;
    const known = this.grids.get(key);
    if (known) return known;
    const grid = Uint32Array.from(
      steps.flatMap(({ planned }) => planned.grid.map((extent) => evaluate(extent, { n }))),
    );
    if (this.grids.size >= GRID_CACHE) this.grids.clear();
    this.grids.set(key, grid);
    return grid;
  }

  private async bind(pipelines: ReadonlyMap<string, Pipeline>): Promise<void> {
    const { device, plan, arena, allocation } = this;
    const slots = new Map<PlannedDispatch, Slot>();
    for (const [name, steps] of plan.functions) {
      for (const step of steps) {
        if (step.uniforms.length > 0) slots.set(step, arena.slotFor(step.uniforms, isOfPrompt(name)));
      }
    }
    await device.create("the bind groups of this model", () => {
      this.uniforms = device.gpu.createBuffer({
        label: "uniforms",
        size: arena.size,
        usage: BUFFER_USAGE.UNIFORM | BUFFER_USAGE.COPY_DST,
      });
      for (const [name, steps] of plan.functions) {
        this.functions.set(name, {
          costs: Float64Array.from(steps, (planned) => this.costOf(planned)),
          dispatches: steps.map((planned) => {
            const pipeline = pipelines.get(planned.pipeline.key)!;
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
        });
      }
    });
    this.boundKv = allocation.kvGeneration;
  }

  private costOf({ targets, looksUp }: PlannedDispatch): number {
    if (looksUp) return DISPATCH_COST;
    return targets.reduce(
      (sum, name) => sum + (this.plan.weightBuffers.has(name) ? this.plan.fixedBytes.get(name)! : 0),
      DISPATCH_COST,
    );
  }

  private rebindKv(): void {
    for (const { dispatches } of this.functions.values()) {
      for (const step of dispatches)
        if (step.usesKv) step.group = this.createGroup(step.pipeline, step.planned, step.slot);
    }
    this.boundKv = this.allocation.kvGeneration;
  }

  private createGroup(pipeline: Pipeline, planned: PlannedDispatch, slot: Slot | null): GPUBindGroup {
    const entries: GPUBindGroupEntry[] = planned.targets.map((target, binding) => ({
      binding,
      resource: { buffer: this.allocation.get(target) },
    }));
    if (slot)
      entries.push({
        binding: entries.length,
        resource: { buffer: this.uniforms, offset: slot.offset, size: slot.size },
      });
    return this.device.gpu.createBindGroup({ label: planned.pipeline.name, layout: pipeline.layout, entries });
  }
}
