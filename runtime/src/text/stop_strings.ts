/** Ends a text before the first of several stop strings, holding back only what may be the beginning of one. */
export class StopStrings {
  private readonly stops: readonly string[];
  private readonly longest: number;
  private held = "";
  private stopped = false;

  constructor(stops: readonly string[]) {
    this.stops = stops.filter((stop) => stop !== "");
    this.longest = this.stops.reduce((length, stop) => Math.max(length, stop.length), 0);
  }

  /** `text` may be shown. After `stopped` nothing more comes out. */
  push(text: string): { text: string; stopped: boolean } {
    if (this.stopped) return { text: "", stopped: true };
    const all = this.held + text;
    let first = -1;
    for (const stop of this.stops) {
      const index = all.indexOf(stop);
      if (index >= 0 && (first < 0 || index < first)) first = index;
    }
    if (first >= 0) {
      // A longer stop string may have begun earlier and still be incomplete: the earliest *complete* one counts.
      this.stopped = true;
      this.held = "";
      return { text: all.slice(0, first), stopped: true };
    }
    let keep = all.length;
    for (let start = Math.max(0, all.length - this.longest + 1); start < all.length && keep === all.length; start++) {
      if (this.stops.some((stop) => stop.startsWith(all.slice(start)))) keep = start;
    }
    this.held = all.slice(keep);
    return { text: all.slice(0, keep), stopped: false };
  }

  /** What was held back and turned out not to be a stop string. */
  flush(): string {
    const rest = this.held;
    this.held = "";
    return rest;
  }
}
