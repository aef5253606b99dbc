/** The state of one sequence under a constraint. */
import { LlmError } from "../internal/errors";
import type { Program } from "./compile";
import type { Constraint } from "./format";
import type { State } from "./machine";
import type { Masks } from "./masks";
import type { Vocabulary } from "./vocabulary";

/** Bytes that are looked ahead for what must follow. */
const MAX_FORCED_BYTES = 256;

export interface Compiled {
  readonly program: Program;
  readonly masks: Masks;
  readonly vocabulary: Vocabulary;
}

export class RunningConstraint implements Constraint {
  constructor(
    private readonly compiled: Compiled,
    private state: State = compiled.program.start,
    private started = false,
    private ended = false,
  ) {}

  get complete(): boolean {
    return this.state.complete;
  }

  mask(): Uint32Array<ArrayBuffer> {
    const { masks } = this.compiled;
    return this.started ? masks.of(this.state) : masks.ofStart(this.state);
  }

  begin(text: string): boolean {
    const { machine } = this.compiled.program;
    let state: State | null = this.state;
    for (const byte of new TextEncoder().encode(text)) {
      state = machine.after(state, byte);
      if (!state) return false;
    }
    this.state = state;
    this.started ||= text !== "";
    return true;
  }

  accept(id: number): void {
    const { vocabulary, program } = this.compiled;
    if (!this.ended && vocabulary.endIds.has(id) && this.state.complete) {
      this.ended = true;
      return;
    }
    const next = this.ended ? null : this.after(id);
    if (!next) throw new LlmError("internal", `The token ${id} does not fit the constraint.`);
    this.state = next;
    this.started = true;
    program.machine.forget();
  }

  forced(): readonly number[] {
    if (this.ended) return [];
    const { program, vocabulary } = this.compiled;
    const only = this.onlyToken();
    if (only !== null) return [only];
    const bytes: number[] = [];
    let { state } = this;
    while (bytes.length < MAX_FORCED_BYTES && !state.complete) {
      const byte = this.onlyByte(state);
      if (byte < 0) break;
      bytes.push(byte);
      state = program.machine.after(state, byte)!;
    }
    const closed = state.complete && state.stacks.length === 0;
    const ids = bytes.length > 0 ? this.tokensOf(bytes) : [];
    // The last token might be a longer one with what follows, unless nothing does.
    if (!closed) return ids.slice(0, -1);
    const [end] = vocabulary.endIds;
    return bytes.length > 0 && ids.length === 0 ? [] : end === undefined ? ids : [...ids, end];
  }

  fork(): RunningConstraint {
    return new RunningConstraint(this.compiled, this.state, this.started, this.ended);
  }

  private after(id: number): State | null {
    const { vocabulary, program } = this.compiled;
    const { machine } = program;
    const byToken = machine.afterToken(this.state, id);
    let bytes = vocabulary.bytesOf(id);
    if (bytes && !this.started && vocabulary.droppedSpaces > 0 && bytes[0] === 0x20) bytes = bytes.subarray(1);
    if (!bytes || bytes.length === 0) return byToken;
    let state: State | null = this.state;
    for (let i = 0; state && i < bytes.length; i++) state = machine.after(state, bytes[i]!);
    if (!byToken || !state) return byToken ?? state;
    return machine.state([...state.stacks, ...byToken.stacks, ...(state.complete || byToken.complete ? [null] : [])]);
  }

  /** The token that must come next where it is one that is asked for by itself. */
  private onlyToken(): number | null {
    const { stacks, complete } = this.state;
    return stacks.length === 1 && !complete ? stacks[0]!.item.tokenId : null;
  }

  /** -1: none, or several. */
  private onlyByte(state: State): number {
    const { machine } = this.compiled.program;
    if (state.stacks.some(({ item }) => item.tokenId !== null)) return -1;
    let only = -1;
    for (let byte = 0; byte < 256; byte++) {
      if (!machine.after(state, byte)) continue;
      if (only >= 0) return -1;
      only = byte;
    }
    return only;
  }

  /** The bytes as the tokenizer would have them; none where its tokens spell something else. */
  private tokensOf(bytes: readonly number[]): readonly number[] {
    const { vocabulary } = this.compiled;
    const given = Uint8Array.from(bytes);
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(given, { stream: true });
    const ids = vocabulary.encode(text);
    let at = 0;
    for (const [i, id] of ids.entries()) {
      const own = vocabulary.bytesOf(id);
      // At the beginning of an answer the first token may be shorter than it looks, so nothing is forced there.
      if (!own || (i === 0 && !this.started && vocabulary.droppedSpaces > 0)) return [];
      for (const byte of own) if (byte !== given[at++]) return [];
    }
    return at <= given.length ? ids : [];
  }
}
