/**
 * A plan with its buffers bound: every dispatch of every function with its bind group, which is made once and remade only
 * where the KV cache was replaced.
 *
 * Owns the uniforms and bind groups until `destroy`; the buffers are their owner's.
 */
import { LlmError } from "../../internal/errors";
import { isOfPrompt } from "../definition";
import { evaluate } from "../expression";
import type { Device } from "./device";
import { BUFFER_USAGE } from "./gpu_flags";
import type { Pipeline } from "./pipelines";
import type { Plan, PlannedDispatch } from "./plan";
import { type Slot, UniformArena } from "./uniforms";

/** Where the buffers are that a plan names. */
export interface Buffers {
  get(name: string): GPUBuffer;
  isKv(name: string): boolean;
  /** Changes whenever a KV buffer is replaced. */
  readonly kvGeneration: number;
}

interface CompiledDispatch {
  readonly pipeline: Pipeline;
  readonly planned: PlannedDispatch;
  readonly slot: Slot | null;
  group: GPUBindGroup;
  readonly usesKv: boolean;
}
/** A function, and what each of its dispatches costs for one token, in bytes of weights. */
export interface CompiledFunction {
  readonly dispatches: readonly CompiledDispatch[];
  readonly costs: Float64Array;
}

const GRID_CACHE = 128;
/** What a dispatch costs that reads no weights: about what a GPU reads while it starts one. */
const DISPATCH_COST = 2 ** 18;

export class BoundPlan {
  private readonly functions = new Map<string, CompiledFunction>();
  private readonly grids = new Map<string, Uint32Array>();
  private readonly arena: UniformArena;
  private uniforms!: GPUBuffer;
  private boundKv: number;

  private constructor(
    private readonly device: Device,
    private readonly plan: Plan,
    private readonly buffers: Buffers,
  ) {
    this.arena = new UniformArena(device.capabilities.limits.minUniformBufferOffsetAlignment);
    this.boundKv = buffers.kvGeneration;
  }

  /** Errors: as of `Device.create`. */
  static async create(
    device: Device,
    plan: Plan,
    buffers: Buffers,
    pipelines: ReadonlyMap<string, Pipeline>,
  ): Promise<BoundPlan> {
    const bound = new BoundPlan(device, plan, buffers);
    await device.create("the bind groups of this model", () => bound.bind(pipelines));
    return bound;
  }

  function(name: string): CompiledFunction {
    const known = this.functions.get(name);
    if (!known) throw new LlmError("internal", `The program has no function ${name}.`);
    return known;
  }

  /** Brings uniforms and bind groups up to date before functions run; `n` is that of the next prefill. */
  update(n: number): void {
    const { queue } = this.device.gpu;
    this.arena.update(n, (offset, bytes) => queue.writeBuffer(this.uniforms, offset, bytes));
    if (this.boundKv === this.buffers.kvGeneration) return;
    for (const { dispatches } of this.functions.values()) {
      for (const step of dispatches)
        if (step.usesKv) step.group = this.createGroup(step.pipeline, step.planned, step.slot);
    }
    this.boundKv = this.buffers.kvGeneration;
  }

  /** Workgroups of every dispatch of a function, x, y and z in turn. */
  gridOf(name: string, n: number): Uint32Array {
    const key = `${name}|${n}`;
    const known = this.grids.get(key);
    if (known) return known;
    const { dispatches } = this.function(name);
    const grid = Uint32Array.from(
      dispatches.flatMap(({ planned }) => planned.grid.map((extent) => evaluate(extent, { n }))),
    );
    if (this.grids.size >= GRID_CACHE) this.grids.clear();
    this.grids.set(key, grid);
    return grid;
  }

  destroy(): void {
    this.uniforms?.destroy();
  }

  private bind(pipelines: ReadonlyMap<string, Pipeline>): void {
    const { device, plan, arena, buffers } = this;
    const slots = new Map<PlannedDispatch, Slot>();
    for (const [name, steps] of plan.functions) {
      for (const step of steps) {
        if (step.uniforms.length > 0) slots.set(step, arena.slotFor(step.uniforms, isOfPrompt(name)));
      }
    }
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
          const usesKv = planned.targets.some((target) => buffers.isKv(target));
          return { pipeline, planned, slot, group, usesKv };
        }),
      });
    }
  }

  private costOf({ targets, looksUp }: PlannedDispatch): number {
    if (looksUp) return DISPATCH_COST;
    return targets.reduce(
      (sum, name) => sum + (this.plan.weightBuffers.has(name) ? this.plan.fixedBytes.get(name)! : 0),
      DISPATCH_COST,
    );
  }

  private createGroup(pipeline: Pipeline, planned: PlannedDispatch, slot: Slot | null): GPUBindGroup {
    const entries: GPUBindGroupEntry[] = planned.targets.map((target, binding) => ({
      binding,
      resource: { buffer: this.buffers.get(target) },
    }));
    if (slot)
      entries.push({
        binding: entries.length,
        resource: { buffer: this.uniforms, offset: slot.offset, size: slot.size },
      });
    return this.device.gpu.createBindGroup({ label: planned.pipeline.name, layout: pipeline.layout, entries });
  }
}
