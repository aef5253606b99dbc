/**
 * Where to cut the steps of one run into submits, so that none of them holds the GPU for long: the browser draws pages
 * between submits, and a watchdog ends one that takes seconds. A step itself is never cut.
 *
 * Learns what a unit of cost takes on this device from runs as a whole. What a cost is, its user decides (bytes of
 * weights that a step reads, times tokens where it computes on many); only the ratios between steps matter. Decode and
 * prefill, which a device limits by different things, need a slicer each.
 */

/** Slices of a run of which nothing is known yet. */
const FIRST_SLICES = 8;
/** What a faster measurement counts; a slower one counts at once. */
const NEWS = 0.3;

export class Slicer {
  private msPerCost = 0;
  private lastFinishedMs = 0;

  /** `targetMs`: what a submit should take at most; Infinity: never cut. */
  constructor(private readonly targetMs: number) {}

  /** Whether it cuts at all, and so wants to be told what runs take. */
  get learns(): boolean {
    return this.targetMs !== Number.POSITIVE_INFINITY;
  }

  /**
   * The end of each slice, exclusive, for steps with these costs: the fewest slices that each stay below the target, by
   * what is known; a step that exceeds it alone is a slice of its own.
   */
  cut(costs: ArrayLike<number>): number[] {
    const budget = this.budget(costs);
    const ends: number[] = [];
    let sum = 0;
    for (let step = 0; step < costs.length; step++) {
      const cost = costs[step]!;
      if (sum > 0 && sum + cost > budget) {
        ends.push(step);
        sum = 0;
      }
      sum += cost;
    }
    if (costs.length > 0) ends.push(costs.length);
    return ends;
  }

  /** A run of this total cost was submitted at one time of performance.now() and had been computed at the other. */
  finished(cost: number, submittedMs: number, finishedMs: number): void {
    // With work queued ahead, the device began this run when it had finished the one before.
    const ms = finishedMs - Math.max(submittedMs, this.lastFinishedMs);
    this.lastFinishedMs = Math.max(this.lastFinishedMs, finishedMs);
    if (cost <= 0 || ms <= 0) return;
    const news = ms / cost;
    this.msPerCost = news >= this.msPerCost ? news : (1 - NEWS) * this.msPerCost + NEWS * news;
  }

  /** The cost of one slice. */
  private budget(costs: ArrayLike<number>): number {
    if (!this.learns) return this.targetMs;
    if (this.msPerCost > 0) return this.targetMs / this.msPerCost;
    let total = 0;
    for (let step = 0; step < costs.length; step++) total += costs[step]!;
    return total / FIRST_SLICES;
  }
}
