/**
 * How many threads the next token runs on, from how long the tokens before took.
 *
 * All threads wait for the slowest at every barrier, so two threads on a machine with one free core are slower than
 * one. At first each candidate is tried; then the fastest is kept and watched. When it becomes slower, the next smaller
 * count is tried; where a larger one was given up, it is tried again after a pause that doubles each time in vain.
 * A trial in vain costs a token or two (barrier.ts leaves helpers behind that keep it waiting), so the pauses bound what
 * the watching costs.
 *
 * Pure: it reads no clock. Times are compared as cost = ms / work, where `work` grows with the context, so that a
 * longer context does not look like a slower machine.
 */
export interface ThreadChoiceOptions {
  /** Most threads, at least 1. */
  readonly max: number;
  /** Always this many. */
  readonly fixed?: number;
}

/** Tokens per candidate at first. The best of them counts: the first ones warm caches and the compiler up. */
const PROBE_TOKENS = 3;
/** Tokens of a trial, unless it is clear before. */
const TRIAL_TOKENS = 3;
const CLEARLY_WORSE = 1.3;
const CLEARLY_BETTER = 0.75;
/** A count is left only for one that is this much better. */
const BETTER = 0.95;
const AS_GOOD = 1.03;
/** Slower than the best seen by this much, so many times in a row and on the average: something has changed. */
const SLOWER = 1.25;
const SLOW_TOKENS = 2;
const AVERAGE = 0.3;
const FIRST_PAUSE = 16;
const LONGEST_PAUSE = 512;

interface Seen {
  /** Moving average of the cost. */
  average: number;
  /** Lowest average seen since the last change. */
  best: number;
}

interface Trial {
  readonly threads: number;
  readonly costs: number[];
  /** Of the count in use, to compare with. */
  readonly against: number;
}

export class ThreadChoice {
  /** Ascending: 1, 2, 4, ... and max. */
  private readonly candidates: readonly number[];
  /** Counts still to be tried at first, the next one last. */
  private readonly unprobed: number[];
  private readonly probed = new Map<number, number>();
  private probeCosts: number[] = [];
  private current: number;
  private seen: Seen = { average: 0, best: 0 };
  /** Costs of the last SLOW_TOKENS tokens, as far as all of them were slow. */
  private readonly slow: number[] = [];
  private trial: Trial | null = null;
  /** Tokens until a larger count is tried again, and until the next smaller one may be. */
  private readonly upward = new Pause();
  private readonly downward = new Pause();

  constructor({ max, fixed }: ThreadChoiceOptions) {
    this.candidates = fixed === undefined ? upTo(max) : [fixed];
    this.unprobed = [...this.candidates];
    this.current = this.candidates.at(-1)!;
    if (this.candidates.length === 1) this.unprobed.length = 0;
  }

  /** Threads for the next token. The same until the next record. */
  next(): number {
    return this.unprobed.at(-1) ?? this.trial?.threads ?? this.current;
  }

  /** Takes the time of a token that ran on `threads` threads. */
  record(threads: number, ms: number, work: number): void {
    if (this.candidates.length === 1 || threads !== this.next()) return;
    const cost = ms / work;
    if (this.unprobed.length > 0) this.probe(cost);
    else if (this.trial) this.judge(this.trial, cost);
    else this.watch(cost);
  }

  /** Larger counts come first, so that a good one is in use early. */
  private probe(cost: number): void {
    this.probeCosts.push(cost);
    if (this.probeCosts.length < PROBE_TOKENS) return;
    const threads = this.unprobed.pop()!;
    this.probed.set(threads, Math.min(...this.probeCosts));
    this.probeCosts = [];
    if (this.unprobed.length > 0) return;
    const least = Math.min(...this.probed.values());
    // Of counts that are as good as the best, the smallest: the page has work for the other cores.
    const chosen = this.candidates.find((candidate) => this.probed.get(candidate)! <= AS_GOOD * least)!;
    this.use(chosen, this.probed.get(chosen)!);
    if (chosen < this.candidates.at(-1)!) this.upward.lengthen();
  }

  private use(threads: number, cost: number): void {
    this.current = threads;
    this.seen = { average: cost, best: cost };
    this.slow.length = 0;
  }

  private watch(cost: number): void {
    const { seen } = this;
    seen.average += AVERAGE * (cost - seen.average);
    seen.best = Math.min(seen.best, seen.average);
    if (cost <= SLOWER * seen.best) this.slow.length = 0;
    else if (this.slow.push(cost) > SLOW_TOKENS) this.slow.shift();
    this.upward.pass();
    this.downward.pass();
    const place = this.candidates.indexOf(this.current);
    const larger = this.candidates[place + 1];
    const smaller = this.candidates[place - 1];
    const isSlow = this.slow.length === SLOW_TOKENS && seen.average > SLOWER * seen.best;
    // The average lags behind what the tokens take now.
    if (isSlow && smaller !== undefined && this.downward.over) this.try(smaller, mean(this.slow));
    else if (larger !== undefined && this.upward.over) this.try(larger, seen.average);
  }

  private try(threads: number, against: number): void {
    this.trial = { threads, costs: [], against };
  }

  private judge(trial: Trial, cost: number): void {
    trial.costs.push(cost);
    const { costs, against, threads } = trial;
    const average = mean(costs);
    const clear = average > CLEARLY_WORSE * against || (costs.length > 1 && average < CLEARLY_BETTER * against);
    if (costs.length < TRIAL_TOKENS && !clear) return;
    this.trial = null;
    const pause = threads > this.current ? this.upward : this.downward;
    if (average < BETTER * against) {
      const down = threads < this.current;
      this.use(threads, average);
      pause.reset();
      // Where a smaller count helped, a still smaller one may. The way back is tried soon, and then less and less.
      const smaller = this.candidates[this.candidates.indexOf(threads) - 1];
      if (down) this.upward.lengthen();
      if (down && smaller !== undefined) this.try(smaller, average);
      return;
    }
    pause.lengthen();
    // The machine as a whole is slower, and that is how fast it is now.
    this.use(this.current, against);
  }
}

/** A pause in tokens that doubles each time in vain. */
class Pause {
  private length = FIRST_PAUSE;
  private left = 0;

  get over(): boolean {
    return this.left === 0;
  }

  pass(): void {
    if (this.left > 0) this.left -= 1;
  }

  lengthen(): void {
    this.left = this.length;
    this.length = Math.min(2 * this.length, LONGEST_PAUSE);
  }

  reset(): void {
    this.length = FIRST_PAUSE;
    this.left = 0;
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function upTo(max: number): readonly number[] {
  const counts: number[] = [];
  for (let threads = 1; threads < max; threads *= 2) counts.push(threads);
  return [...counts, max];
}
