/**
 * What runs a constraint: an automaton with a stack, over bytes.
 *
 * A stack holds what is still to come, the nearest on top; a state is the set of stacks that fit to the answer so far.
 * Items, stacks and states are made once each and never change, so what follows on a byte is remembered, states are
 * compared by identity, and the state of a sequence is forked by copying a reference.
 *
 * NOTE: while an answer is generated, each item can be completed whatever is below it; who makes items keeps this
 * (schema/inhabited.ts, automaton/dfa.ts). So a state that exists never is a dead end.
 */
import { LIMITS, tooLarge } from "./limits";

/** Each list stands in place of the item that gave it, its first on top. None at all: a dead end. */
export type Alternatives = readonly (readonly Item[])[];

export const DEAD: Alternatives = [];
export const DONE: Alternatives = [[]];

export abstract class Item {
  /** Given by the machine that made it. */
  serial = 0;
  private readonly steps: (Alternatives | undefined)[] = [];
  private expanded: Alternatives | null | undefined;

  /** May end without another byte. */
  get ends(): boolean {
    return false;
  }

  /** The id of the token that it is, where no byte but a special token is meant. */
  get tokenId(): number | null {
    return null;
  }

  /** An item that allows the same tokens, the same one for as many as possible. */
  alike(): Item {
    return this;
  }

  /** As alike, for tokens of at most that many bytes. */
  alikeUpTo(_bytes: number): Item {
    return this;
  }

  after(byte: number): Alternatives {
    const known = this.steps[byte] ?? this.step(byte);
    this.steps[byte] = known;
    return known;
  }

  standsFor(): Alternatives | null {
    if (this.expanded === undefined) this.expanded = this.expand();
    return this.expanded;
  }

  /** What it stands for before any byte; null: it takes bytes itself. */
  protected expand(): Alternatives | null {
    return null;
  }

  protected step(_byte: number): Alternatives {
    return DEAD;
  }
}

export interface Stack {
  readonly serial: number;
  readonly item: Item;
  readonly below: Stack | null;
}

export interface State {
  readonly stacks: readonly Stack[];
  /** The answer may end here. */
  readonly complete: boolean;
  /** On each byte, as far as known; null: nothing. */
  readonly next: (State | null | undefined)[];
  /** Cached by masks.ts. */
  mask: Uint32Array<ArrayBuffer> | null;
}

export class Machine {
  private items = new Map<string, Item>();
  private stacks = new Map<string, Stack>();
  private states = new Map<string, State>();
  private serials = 1;

  /** The item of this key, made at its first use. */
  item<T extends Item>(key: string, make: () => T): T {
    let item = this.items.get(key);
    if (!item) {
      item = make();
      item.serial = this.serials++;
      this.items.set(key, item);
    }
    return item as T;
  }

  push(items: readonly Item[], below: Stack | null): Stack | null {
    let stack = below;
    for (let i = items.length - 1; i >= 0; i--) {
      const item = items[i]!;
      const key = `${item.serial} ${stack?.serial ?? 0}`;
      let pushed = this.stacks.get(key);
      if (!pushed) {
        pushed = { serial: this.serials++, item, below: stack };
        this.stacks.set(key, pushed);
      }
      stack = pushed;
    }
    return stack;
  }

  /** The state in which one of these stacks is the case; null: an empty stack. */
  state(tops: Iterable<Stack | null>): State {
    const seen = new Set<Stack | null>(tops);
    const kept: Stack[] = [];
    for (const stack of seen) {
      if (!stack) continue;
      const alternatives = stack.item.standsFor();
      if (alternatives) for (const items of alternatives) seen.add(this.push(items, stack.below));
      else {
        kept.push(stack);
        if (stack.item.ends) seen.add(stack.below);
      }
      if (seen.size > LIMITS.readings) throw tooLarge("grammar", "there are too many ways to read one answer");
    }
    kept.sort((a, b) => a.serial - b.serial);
    const complete = seen.has(null);
    const key = `${complete}${kept.map(({ serial }) => serial)}`;
    let state = this.states.get(key);
    if (!state) {
      state = { stacks: kept, complete, next: [], mask: null };
      this.states.set(key, state);
    }
    return state;
  }

  start(items: readonly Item[]): State {
    return this.state([this.push(items, null)]);
  }

  after(state: State, byte: number): State | null {
    let next = state.next[byte];
    if (next === undefined) {
      const tops: (Stack | null)[] = [];
      for (const { item, below } of state.stacks)
        for (const items of item.after(byte)) tops.push(this.push(items, below));
      next = tops.length > 0 ? this.state(tops) : null;
      state.next[byte] = next;
    }
    return next;
  }

  /** By the special token itself; null: it may not follow. */
  afterToken(state: State, id: number): State | null {
    const tops = state.stacks.filter(({ item }) => item.tokenId === id).map(({ below }) => below);
    return tops.length > 0 ? this.state(tops) : null;
  }

  /** Much was remembered, so that it is better to begin anew. */
  isFull = false;

  /** Drops what was remembered once it is much. States that are in use go on; what they share is made again. */
  forget(): void {
    if (this.states.size < LIMITS.keptStates) return;
    this.isFull = true;
    this.items = new Map();
    this.stacks = new Map();
    this.states = new Map();
  }
}
