/** How many threads the next token runs on. */
export class ThreadChoice {
  private readonly threads: number;
  constructor({ max, fixed }: { readonly max: number; readonly fixed?: number }) {
    this.threads = fixed ?? max;
  }
  next(): number {
    return this.threads;
  }
  record(_threads: number, _ms: number, _work: number): void {}
}
