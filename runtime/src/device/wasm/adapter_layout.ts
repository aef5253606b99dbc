/**
 * What adapters of the same program have in common on the CPU: where all that is theirs lies, from a place on that each
 * of them has for itself, and their calls there. To lower takes several times as long as to move what was lowered.
 */
import { SAMPLERS } from "../instance";
import type { Program } from "../program";
import { lower, moved, type Places } from "./lower";
import { Layout } from "./memory";
import { type PlannedFunctions, planSteps } from "./planned_step";
import type { Plan } from "./pool";
import type { Regions } from "./regions";
import type { Initial } from "./step_memory";
import { WeightImage } from "./weights";

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
  private readonly regions: ReturnType<Regions["beside"]>;
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
    this.regions = regions.beside(layout, program, this.functions);
    this.image = new WeightImage(program, this.functions, image, layout.end - weightBase);
    this.initial = this.regions.initial;
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
    const [regions, image] = [this.regions.behind(place), this.image.behind(place)];
    return lower(this.functions, { ...this.beside, regions, image });
  }
}
