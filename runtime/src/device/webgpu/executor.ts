/**
 * The WebGPU device: one command encoder, one compute pass and one submit for a list of calls, or a few where it would
 * hold a GPU for long.
 *
 * Owns the program's buffers, pipelines and bind groups, those of adapters beside it, and the device, until `destroy`.
 * Encoding a step is three calls per dispatch and no allocation.
 */
import { LlmError } from "../../internal/errors";
import { isOfPrompt } from "../definition";
import type { Copy, DeviceSources, Executor, OpenOptions, Pacing, ReadbackPool } from "../executor";
import type { Program } from "../program";
import { weightBytesPerToken } from "../weight_bytes";
import { Allocation } from "./allocation";
import { measureBandwidth } from "./bandwidth";
import { BoundPlan, type Buffers } from "./bound_plan";
import { type Device, openDevice } from "./device";
import { BUFFER_USAGE, MAP_READ_MODE } from "./gpu_flags";
import { type KernelLibrary, loadLibrary } from "./library";
import { type Pipeline, PipelineCompiler } from "./pipelines";
import { type Plan, planFor } from "./plan";
import { StagingPool, stagingBuffer } from "./readback";
import { Slicer } from "./slicer";
import { Trust, WrongAnswers } from "./trust";
import { WeightUpload } from "./upload";

/** What `addAdapters` put on the device. */
interface Adapters {
  readonly bound: BoundPlan;
  readonly buffers: readonly GPUBuffer[];
}
export interface WebGpuOptions extends OpenOptions {
  /** What a submit should take at most. Default: short where other pages share the GPU, else without limit. */
  readonly submitTargetMs?: number;
  /** The kernels that ship with the runtime, for tests of what happens with wrong ones. */
  readonly library?: () => Promise<KernelLibrary>;
  /** Whether kernels must give known answers before they are used. Default: on GPUs; a software adapter computes as in our tests. */
  readonly tryKernels?: boolean;
}

/** A page that draws 30 times a second waits for no more than one frame. */
const SUBMIT_TARGET_MS = 30;
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
  private readonly adapters = new Map<string, Adapters>();
  /** Those of other adapters of the same ranks serve new ones too. */
  private readonly adapterPlans = new WeakMap<Program, Plan>();
  private readonly slicers: { readonly prefill: Slicer; readonly others: Slicer };
  private prefillN = 1;

  private constructor(
    readonly device: Device,
    readonly plan: Plan,
    private readonly allocation: Allocation,
    private readonly bound: BoundPlan,
    private readonly making: Making,
  ) {
    const { submitTargetMs } = making;
    this.slicers = { prefill: new Slicer(submitTargetMs), others: new Slicer(submitTargetMs) };
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
    const compiler = new PipelineCompiler(device, { library, own: sources.kernel });
    const tried = options.tryKernels ?? !device.software;
    const trust = tried ? await Trust.open(device, compiler, library, sources.derived) : null;
    return planned(device, program, trust, options, (plan) =>
      WebGpuExecutor.create(device, plan, sources, options, compiler, trust),
    );
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
      const submitTargetMs = options.submitTargetMs ?? (device.software ? Number.POSITIVE_INFINITY : SUBMIT_TARGET_MS);
      const pipelines = await compile;
      const bound = await BoundPlan.create(device, plan, allocation, pipelines);
      options.signal?.throwIfAborted();
      const making = { submitTargetMs, options, compiler, trust, pipelines };
      return new WebGpuExecutor(device, plan, allocation, bound, making);
    } catch (thrown) {
      stop.abort();
      const [, , checked] = await Promise.allSettled([weights, compile, check]);
      allocation.destroy();
      // A kernel that does not compile fails in both, and what to do about it only the check says.
      const wrong = checked.status === "rejected" && checked.reason instanceof WrongAnswers;
      throw wrong && !device.failure && !options.signal?.aborted ? checked.reason : thrown;
    }
  }

  /** What of the library is not used here, and why. */
  get doubts(): string | null {
    return this.making.trust?.doubts ?? null;
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
  run(calls: readonly string[], n = 1, copies: readonly Copy[] = [], key = ""): void {
    if (this.device.failure) throw this.device.failure;
    const { queue } = this.device.gpu;
    const bound = key === "" ? this.bound : this.adapters.get(key)?.bound;
    if (!bound) throw new LlmError("internal", `There are no adapters ${key}.`);
    const prefill = calls.some(isOfPrompt);
    if (prefill) this.prefillN = n;
    bound.update(this.prefillN);

    const slicer = this.slicers[prefill ? "prefill" : "others"];
    const costs = costsOf(bound, calls, n);
    const ends = costs.length > 0 ? slicer.cut(costs) : [0];
    const submittedMs = performance.now();
    let first = 0;
    for (const end of ends) {
      const encoder = this.device.gpu.createCommandEncoder();
      const pass = encoder.beginComputePass();
      encode(pass, bound, calls, n, first, end);
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

  addAdapters(key: string, program: Program, arrays: ReadonlyMap<string, Uint8Array<ArrayBuffer>>): Promise<void> {
    const { device, making } = this;
    // Its kernels have been tried.
    const known = this.adapterPlans.get(program);
    if (known) return this.bindAdapters(key, known, arrays);
    return planned(device, program, making.trust, making.options, async (plan) => {
      await this.bindAdapters(key, plan, arrays);
      this.adapterPlans.set(program, plan);
    });
  }

  removeAdapters(key: string): void {
    const adapters = this.adapters.get(key);
    this.adapters.delete(key);
    adapters?.bound.destroy();
    for (const buffer of adapters?.buffers ?? []) buffer.destroy();
  }

  destroy(): void {
    for (const key of [...this.adapters.keys()]) this.removeAdapters(key);
    this.allocation.destroy();
    this.bound.destroy();
    this.device.destroy();
  }

  /** Errors: WrongAnswers where the kernels that are new compute wrongly here. */
  private async bindAdapters(
    key: string,
    plan: Plan,
    arrays: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
  ): Promise<void> {
    const { device, allocation, making } = this;
    const { pipelines, compiler, trust } = making;
    const missing = new Map([...plan.pipelines].filter(([name]) => !pipelines.has(name)));
    if (missing.size > 0) {
      const [compiled] = await Promise.all([compiler.compileAll(missing, () => undefined), trust?.check(plan.used)]);
      for (const [name, pipeline] of compiled) pipelines.set(name, pipeline);
    }
    const own = new Map<string, GPUBuffer>();
    try {
      await device.create("the adapters of this request", () => {
        for (const [name, size] of plan.fixedBytes) {
          // Between the stages of an operator there may have to be more room than there is.
          if ((this.plan.fixedBytes.get(name) ?? 0) >= size) continue;
          const usage = BUFFER_USAGE.STORAGE | BUFFER_USAGE.COPY_DST;
          own.set(name, device.gpu.createBuffer({ label: name, size, usage }));
        }
      });
      for (const [name, bytes] of arrays) {
        for (const { start, end, buffer, at } of plan.weights.get(name)?.segments ?? [])
          device.gpu.queue.writeBuffer(own.get(buffer)!, at, bytes, start, end - start);
      }
      const buffers: Buffers = {
        get: (name) => own.get(name) ?? allocation.get(name),
        isKv: (name) => allocation.isKv(name),
        get kvGeneration() {
          return allocation.kvGeneration;
        },
      };
      const bound = await BoundPlan.create(device, plan, buffers, pipelines);
      this.adapters.set(key, { bound, buffers: [...own.values()] });
    } catch (thrown) {
      for (const buffer of own.values()) buffer.destroy();
      throw thrown;
    }
  }

  private encodeCopies(encoder: GPUCommandEncoder, copies: readonly Copy[]): void {
    for (const { from, to, toOffset, bytes } of copies)
      encoder.copyBufferToBuffer(this.allocation.get(from), 0, stagingBuffer(to), toOffset, bytes);
  }
}

/** How the executor was made, for what is added to it later. */
interface Making {
  readonly submitTargetMs: number;
  readonly options: WebGpuOptions;
  readonly compiler: PipelineCompiler;
  readonly trust: Trust | null;
  /** Those that were compiled, by key. */
  readonly pipelines: Map<string, Pipeline>;
}

/** Plans a program, and plans it again without the kernels that turn out to compute wrongly. */
async function planned<T>(
  device: Device,
  program: Program,
  trust: Trust | null,
  options: WebGpuOptions,
  make: (plan: Plan) => Promise<T>,
): Promise<T> {
  const { operators } = await (options.library ?? loadLibrary)();
  for (;;) {
    const plan = planFor(program, trust?.capabilities ?? device.capabilities, operators, {
      kernels: options.kernels ?? "library",
      ...(trust ? { excluded: trust.excluded } : {}),
    });
    try {
      return await make(plan);
    } catch (thrown) {
      if (!(thrown instanceof WrongAnswers)) throw thrown;
    }
  }
}

/** Of every dispatch of the calls. */
function costsOf(bound: BoundPlan, calls: readonly string[], n: number): Float64Array {
  const count = calls.reduce((sum, name) => sum + bound.function(name).costs.length, 0);
  const all = new Float64Array(count);
  let at = 0;
  for (const name of calls) {
    const { costs } = bound.function(name);
    const tokens = isOfPrompt(name) ? n : 1;
    for (let i = 0; i < costs.length; i++) all[at++] = costs[i]! * tokens;
  }
  return all;
}

/** Dispatches first to end - 1 of all those of the calls. */
function encode(
  pass: GPUComputePassEncoder,
  bound: BoundPlan,
  calls: readonly string[],
  n: number,
  first: number,
  end: number,
): void {
  let current: GPUComputePipeline | null = null;
  let start = 0;
  for (const name of calls) {
    const { dispatches } = bound.function(name);
    const grid = bound.gridOf(name, isOfPrompt(name) ? n : 1);
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
