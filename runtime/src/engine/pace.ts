/**
 * How much work to put into one submit, so that pages keep drawing and an abort takes effect soon.
 *
 * Learns the milliseconds that one unit (a token of prefill, a step of decode) takes and aims at `targetMs`. It at
 * most doubles from one submit to the next, since the time of a larger submit is a guess until it has run.
 */
export interface PaceLimits {
  readonly targetMs: number;
  readonly first: number;
  readonly min: number;
  readonly max: number;
}

export class Pace {
  private msPerUnit = 0;
  private next: number;

  constructor(private readonly limits: PaceLimits) {
    this.next = Math.min(limits.first, limits.max);
  }

  /** Units for the next submit. */
  get size(): number {
    return this.next;
  }

  /** Estimated milliseconds of the next submit; 0 before the first record. */
  get estimateMs(): number {
    return this.msPerUnit * this.next;
  }

  record(units: number, ms: number): void {
    const perUnit = ms / units;
    this.msPerUnit = this.msPerUnit === 0 ? perUnit : 0.7 * this.msPerUnit + 0.3 * perUnit;
    const { targetMs, min, max } = this.limits;
    const wanted = Math.floor(targetMs / Math.max(this.msPerUnit, 1e-3));
    this.next = Math.min(max, Math.max(min, Math.min(wanted, 2 * units)));
  }
}
