/**
 * Log-probabilities of given tokens, for choosing among given answers: each branch of a tree is computed once, after its
 * ancestors, on a fork of their sequence. Of each row of logits only the wanted numbers are kept.
 *
 * Work goes depth first and the last child takes its parent's sequence, so that at most one sequence for each level of the
 * tree is open; where there is no memory for that, fewer are, and what was given away is computed again. The sequence of the root is kept for requests that begin with the same tokens.
 */
import type { ReadyStack } from "./adapter";
import type { Sequence } from "./kv_cache";
import { notFinite } from "./numeric_error";
import { prefillChunk } from "./prefill";
import { RowsTask } from "./rows_task";
import type { Advance } from "./scheduler";
import { type Branch, type Path, scoreTree } from "./score_tree";
import type { Session } from "./session";

export interface ScoreRequest {
  /** Tokens before the first one whose log-probability is wanted: at least one. */
  readonly paths: readonly Path[];
  /** What an end of an answer is. */
  readonly stopIds: ReadonlySet<number>;
  readonly partition: string;
  readonly adapters: ReadyStack | null;
}

/** A branch on the way. */
interface Frame {
  readonly branch: Branch;
  /** Of all tokens, those before the edge and the edge. */
  readonly tokens: readonly number[];
  /** Null: a child has it, so that it must be computed again where another child comes. */
  sequence: Sequence | null;
  /** The branch's own logits have been queued. */
  computed: boolean;
  nextChild: number;
}

/** For each path the sum of the wanted log-probabilities, in nats. */
export class ScoreTask extends RowsTask<number[]> {
  private readonly tree: Branch;
  private readonly reach: number;
  private readonly missing: number;
  private frames: Frame[] = [];
  private kept: Sequence | null = null;
  private received = 0;
  private queued = 0;
  private readonly sums: number[];

  constructor(
    session: Session,
    private readonly request: ScoreRequest,
  ) {
    super(request.partition, session, "logits", request.adapters);
    this.tree = scoreTree(request.paths);
    // Everything is rotated by the frequencies of the longest, as what is compared must be computed alike.
    this.reach = Math.max(...request.paths.map(({ tokens }) => tokens.length));
    this.sums = request.paths.map(() => 0);
    this.missing = rowsOf(this.tree);
  }

  protected async queueNext(): Promise<Advance> {
    const { session } = this;
    if (this.queued === this.missing) return "waiting";
    if (this.frames.length === 0)
      this.frames.push({ branch: this.tree, tokens: this.tree.edge, sequence: null, computed: false, nextChild: 0 });
    for (;;) {
      const frame = this.frames.at(-1)!;
      const child = frame.branch.next[frame.nextChild];
      if (frame.computed && !child) {
        this.frames.pop();
        if (frame.sequence) this.close(frame.sequence);
        if (this.frames.length === 0) return "waiting";
        continue;
      }
      frame.sequence ??= this.openFor(frame);
      if (!frame.sequence) return "no_memory";
      const advance = await this.compute(frame, frame.sequence);
      if (advance) return advance;
      if (!frame.computed) {
        frame.computed = true;
        if (this.frames.length === 1) session.snapshot(frame.sequence);
        continue;
      }
      const last = frame.nextChild === frame.branch.next.length - 1;
      const forked = last ? null : await session.fork(frame.sequence);
      // Without memory for a fork the child goes on with its parent's sequence, as the last child does.
      const sequence = forked ?? frame.sequence;
      if (!forked) frame.sequence = null;
      frame.nextChild += 1;
      const tokens = [...frame.tokens, ...child!.edge];
      this.frames.push({ branch: child!, tokens, sequence, computed: false, nextChild: 0 });
    }
  }

  protected startAgain(): void {
    this.received = 0;
    this.queued = 0;
    this.sums.fill(0);
  }

  protected override closeSequences(): void {
    for (const { sequence } of this.frames) if (sequence) this.close(sequence);
    this.frames = [];
    super.closeSequences();
  }

  private close(sequence: Sequence): void {
    this.session.close(sequence, sequence === this.kept);
  }

  private openFor({ branch, tokens, computed }: Frame): Sequence | null {
    const shared = JSON.stringify([this.partition, this.adapters?.key]);
    const before = branch.wanted.length > 0 && !computed ? tokens.slice(0, -1) : tokens;
    const sequence = this.session.open(shared, before, this.reach);
    this.kept ??= sequence;
    return sequence;
  }

  /** Queues the next piece of a branch's tokens, of which the last one gives the logits that are wanted; null: all are. */
  private async compute({ branch, tokens, computed }: Frame, sequence: Sequence): Promise<Advance | null> {
    const { session } = this;
    const wantsRow = branch.wanted.length > 0 && !computed;
    const known = sequence.tokens.length;
    const end = tokens.length - (wantsRow ? 1 : 0);
    if (known < end) return prefillChunk(session, sequence, tokens, end, this.adapters, this.reach);
    if (!wantsRow || known === tokens.length) return null;
    if (!(await session.reserve(sequence, tokens.length))) return "no_memory";
    const write = () => {
      session.writeState(sequence, tokens.at(-1)!, known, 0, 0, this.reach);
      sequence.computed = tokens.length;
      sequence.tokens.push(tokens.at(-1)!);
      this.queued += 1;
    };
    return this.queueRow(sequence, "decode", 1, session.decodePace, write, (row) => this.receive(branch, row, known));
  }

  private receive(branch: Branch, logits: Float32Array, position: number): void {
    const logOfSum = logSumExp(logits);
    if (!Number.isFinite(logOfSum)) {
      const what = `The model's logits after ${position + 1} tokens are`;
      this.fail(notFinite(this.session.executor, what, ", so nothing can be chosen", { position }));
      return;
    }
    for (const { path, token } of branch.wanted) {
      const logit =
        token === null ? logSumExp([...this.request.stopIds].map((id) => logits[id] ?? -Infinity)) : logits[token]!;
      this.sums[path]! += logit - logOfSum;
    }
    this.received += 1;
    if (this.received === this.missing) this.succeed(this.sums);
  }
}

function rowsOf({ wanted, next }: Branch): number {
  return next.reduce((sum, branch) => sum + rowsOf(branch), wanted.length > 0 ? 1 : 0);
}

function logSumExp(values: ArrayLike<number>): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (Number.isNaN(value)) return value;
    if (value > largest) largest = value;
  }
  if (!Number.isFinite(largest)) return largest;
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += Math.exp(values[i]! - largest);
  return largest + Math.log(sum);
}
