/** A token bucket per site: short bursts pass, a flood is refused. */

export interface RateLimit {
  /** Requests at once. */
  readonly burst: number;
  readonly perSecond: number;
}

export const PAGE_RATE: RateLimit = { burst: 40, perSecond: 4 };

export class RateLimiter {
  readonly #limit: RateLimit;
  readonly #now_ms: () => number;
  readonly #buckets = new Map<string, { tokens: number; at_ms: number }>();

  constructor(limit: RateLimit = PAGE_RATE, now_ms: () => number = () => performance.now()) {
    this.#limit = limit;
    this.#now_ms = now_ms;
  }

  /** 0 where the request may pass, else the milliseconds after which it may. */
  take(origin: string): number {
    const { burst, perSecond } = this.#limit;
    const now = this.#now_ms();
    const bucket = this.#buckets.get(origin) ?? { tokens: burst, at_ms: now };
    bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at_ms) / 1000) * perSecond);
    bucket.at_ms = now;
    this.#buckets.set(origin, bucket);
    this.#forgetFull(now);
    if (bucket.tokens < 1) return Math.ceil(((1 - bucket.tokens) / perSecond) * 1000);
    bucket.tokens -= 1;
    return 0;
  }

  /** A bucket that has had time to fill up says nothing any more; visiting many sites must not grow the map. */
  #forgetFull(now_ms: number): void {
    if (this.#buckets.size < 256) return;
    const fullAfter_ms = (this.#limit.burst / this.#limit.perSecond) * 1000;
    for (const [origin, { at_ms }] of this.#buckets) if (now_ms - at_ms > fullAfter_ms) this.#buckets.delete(origin);
  }
}
