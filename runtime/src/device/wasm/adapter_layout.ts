/**
 * What adapters of the same program have in common on the CPU: where all that is theirs lies, from a place on that each
 * of them has for itself, and their calls there. To lower takes several times as long as to move what was lowered.
 */
import { SAMPLERS } from "../instance";
import type { Program } from "../program";
import { bufferBytes } from "../program_rules";
import { lower, type Places } from "./lower";
import { Layout } from "./memory";
import { type PlannedFunctions, planSteps } from "./planned_step";
import type { Call, Plan } from "./pool";
import type { PlacedRegions, Regions } from "./regions";
import { type Initial, StepMemory } from "./step_memory";
import { type PlacedImage, WeightImage } from "./weights";

/** Places are multiples of it. */
export const UNIT = 64;

/** Of the program that the adapters run beside. */
export interface Beside extends Omit<Places, "regions" | "image"> {
  readonly regions: Regions;
  readonly image: WeightImage;
}

export class AdapterLayout {
  readonly nbytes: number;
  /** For the place 0. */
  readonly image: WeightImage;
  readonly initial: readonly Initial[];
  private readonly functions: PlannedFunctions;
  private readonly imageStart: number;
  private readonly steps: StepMemory;
  private readonly buffers = new Map<string, number>();
  private first: { readonly place: number; readonly plan: Plan } | null = null;
  /** Of the first, one unit further on. */
  private further: Plan | null = null;

  /** Errors: unsupported_device. */
  constructor(
    program: Program,
    relaxed: boolean,
    private readonly beside: Beside,
  ) {
    const planned = planSteps(program, relaxed);
    this.functions = new Map([...planned].filter(([name]) => !(SAMPLERS as readonly string[]).includes(name)));
    const { weightBase, kvBase, regions, image } = beside;
    const layout = new Layout(kvBase);
    this.steps = new StepMemory(layout, this.functions, regions.stacks.length);
    this.initial = this.steps.initial;
    for (const buffer of program.buffers.values())
      if (buffer.kind === "scratch" && regions.buffer(buffer.name) === undefined)
        this.buffers.set(buffer.name, layout.region(bufferBytes(buffer, program)));
    this.imageStart = layout.end - weightBase;
    this.image = new WeightImage(program, this.functions, image, this.imageStart);
    this.nbytes = weightBase + this.image.nbytes - kvBase;
  }

  /** The functions of adapters that lie `place` bytes behind the base of the KV cache. */
  planAt(place: number): Plan {
    this.first ??= { place, plan: this.lowered(place) };
    if (this.first.place === place) return this.first.plan;
    this.further ??= this.lowered(this.first.place + UNIT);
    return moved(this.first.plan, this.further, UNIT, place - this.first.place);
  }

  private lowered(place: number): Plan {
    return lower(this.functions, { ...this.beside, regions: this.regionsAt(place), image: this.imageAt(place) });
  }

  private regionsAt(place: number): PlacedRegions {
    const { regions } = this.beside;
    return {
      n: regions.n,
      one: regions.one,
      blockTable: (table) => regions.blockTable(table),
      buffer: (name) => (this.buffers.has(name) ? this.buffers.get(name)! + place : regions.buffer(name)),
      steps: {
        place: (step, memory) => {
          const { address, stride } = this.steps.place(step, memory);
          return { address: address + place, stride };
        },
      },
    };
  }

  /** What the image adds to the one below lies behind all of that one. */
  private imageAt(place: number): PlacedImage {
    const at = (offset: number) => (offset < this.imageStart ? offset : offset + place);
    return {
      matrix: (name) => {
        const matrix = this.image.matrix(name);
        const { offset, sums } = matrix;
        return { ...matrix, offset: at(offset), sums: sums === null ? null : at(sums) };
      },
      vector: (name) => at(this.image.vector(name)),
    };
  }
}

/**
 * The plan of the same functions where everything of their own lies `bytes` further on, given the plans for here and for
 * `unit` bytes further on: what differs in them are the addresses of that.
 */
function moved(here: Plan, further: Plan, unit: number, bytes: number): Plan {
  const movedCall = (call: Call, other: Call): Call => {
    const [kernel, ...values] = call;
    return [kernel, ...values.map((value, i) => value + ((other[i + 1] as number) - value) * (bytes / unit))];
  };
  return Object.fromEntries(
    Object.entries(here).map(([name, steps]) => [
      name,
      steps.map((step, i) => step.map((call, j) => movedCall(call, further[name]![i]![j]!))),
    ]),
  );
}
