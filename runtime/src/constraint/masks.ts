/**
 * Which tokens may follow a state.
 *
 * What a token means to the item on top of a stack does not depend on what is below, until the item ends inside of the
 * token. So each item is run over the whole vocabulary once, above nothing: that gives the tokens that fit, and the places
 * in the tree where the item had ended. A state's mask is that, and the few tokens that go on below those places.
 */
import { LIMITS, tooLarge } from "./limits";
import { Item, type Machine, type Stack, type State } from "./machine";
import type { Vocabulary } from "./vocabulary";

interface Alone {
  readonly mask: Uint32Array;
  /** Nodes of the tree behind whose bytes the item may have ended, and that go on. */
  readonly left: readonly number[];
}

/** Nearly all tokens are no longer. */
const SHORT_BYTES = 16;

/** What stands for all that is below. */
class Bottom extends Item {}

export class Masks {
  private readonly alone = new WeakMap<Item, Alone>();
  private readonly aloneForShort = new WeakMap<Item, Alone>();
  private readonly bottom = new Bottom();
  /** Nodes as deep as short tokens go, under which there are longer ones. */
  private readonly deep: readonly { readonly index: number; readonly path: Uint8Array }[];
  private steps = 0;

  constructor(
    private readonly vocabulary: Vocabulary,
    private readonly machine: Machine,
  ) {
    this.deep = nodesAt(vocabulary, SHORT_BYTES);
  }

  /** (ceil(size / 32)) words; cached in the state. */
  of(state: State): Uint32Array<ArrayBuffer> {
    if (state.mask) return state.mask;
    this.steps = LIMITS.maskSteps;
    const mask = this.empty();
    const { endIds, size } = this.vocabulary;
    for (const { item, below } of state.stacks) {
      const { tokenId } = item;
      if (tokenId !== null) mask[tokenId >> 5]! |= 1 << (tokenId & 31);
      const { mask: own, left } = this.ofItem(item);
      for (let word = 0; word < own.length; word++) mask[word]! |= own[word]!;
      if (below && left.length > 0) this.goOn(below, left, mask);
    }
    if (state.complete) for (const id of endIds) if (id < size) mask[id >> 5]! |= 1 << (id & 31);
    state.mask = mask;
    return mask;
  }

  /** At the beginning of an answer, where the first token loses a space: those that begin with one are read without it. */
  ofStart(state: State): Uint32Array<ArrayBuffer> {
    const { vocabulary } = this;
    const mask = this.of(state).slice();
    const space = childOf(vocabulary, 0, 0x20);
    if (vocabulary.droppedSpaces === 0 || space < 0) return mask;
    this.steps = LIMITS.maskSteps;
    for (let node = space; node < vocabulary.ends[space]!; node++) this.mark(node, mask, false);
    // A token that is nothing but that space would be no text at all.
    this.walk(space, state, mask, null, Number.POSITIVE_INFINITY);
    return mask;
  }

  /** The item on top, above nothing. */
  private ofItem(given: Item): Alone {
    const item = given.alike();
    const short = item.alikeUpTo(SHORT_BYTES);
    if (short === item) return this.run(this.alone, item, Number.POSITIVE_INFINITY);
    // Short tokens as for many other items; the few that are longer for this one.
    const common = this.run(this.aloneForShort, short, SHORT_BYTES);
    const mask = common.mask.slice();
    const left = [...common.left];
    const start = this.above(item);
    for (const node of this.deep) {
      let state: State | null = start;
      for (const byte of node.path) state = state && this.machine.after(state, byte);
      if (state) this.walk(node.index, state, mask, left, Number.POSITIVE_INFINITY);
    }
    return { mask, left };
  }

  private run(known: WeakMap<Item, Alone>, item: Item, most: number): Alone {
    let alone = known.get(item);
    if (!alone) {
      const { ends } = this.vocabulary;
      const mask = this.empty();
      const left: number[] = [];
      this.walk(0, this.above(item), mask, left, most);
      alone = { mask, left: left.filter((node) => ends[node]! > node + 1) };
      known.set(item, alone);
    }
    return alone;
  }

  private above(item: Item): State {
    const { machine } = this;
    return machine.state([machine.push([item], machine.push([this.bottom], null))]);
  }

  private goOn(below: Stack, left: readonly number[], mask: Uint32Array): void {
    const state = this.machine.state([below]);
    for (const node of left) this.walk(node, state, mask, null, Number.POSITIVE_INFINITY);
  }

  /**
   * Marks the tokens below a node, down to the depth `most`, that lead on from the state, and adds to `left` the nodes where
   * the bottom is reached.
   */
  private walk(from: number, start: State, mask: Uint32Array, left: number[] | null, most: number): void {
    const { bytes, depths, ends } = this.vocabulary;
    const { machine, bottom } = this;
    const top = depths[from]!;
    const states: State[] = [start];
    const end = ends[from]!;
    for (let node = from + 1; node < end; ) {
      if (--this.steps < 0) throw tooLarge("grammar", "finding the tokens that may follow takes too long");
      const depth = depths[node]! - top;
      const next = machine.after(states[depth - 1]!, bytes[node]!);
      if (!next) {
        node = ends[node]!;
        continue;
      }
      states[depth] = next;
      this.mark(node, mask, true);
      if (left && next.stacks.some(({ item }) => item === bottom)) left.push(node);
      node = depths[node]! < most ? node + 1 : ends[node]!;
    }
  }

  private mark(node: number, mask: Uint32Array, allowed: boolean): void {
    const { tokens, same } = this.vocabulary;
    for (let id = tokens[node]!; id >= 0; id = same[id]!) {
      if (allowed) mask[id >> 5]! |= 1 << (id & 31);
      else mask[id >> 5]! &= ~(1 << (id & 31));
    }
  }

  private empty(): Uint32Array<ArrayBuffer> {
    return new Uint32Array(Math.ceil(this.vocabulary.size / 32));
  }
}

function childOf({ bytes, ends }: Vocabulary, parent: number, byte: number): number {
  for (let node = parent + 1; node < ends[parent]!; node = ends[node]!) if (bytes[node] === byte) return node;
  return -1;
}

/** Nodes of this depth that go on, with the bytes that lead to them. */
function nodesAt({ bytes, depths, ends }: Vocabulary, depth: number) {
  const path = new Uint8Array(depth);
  const found: { readonly index: number; readonly path: Uint8Array }[] = [];
  for (let node = 1; node < bytes.length; ) {
    path[depths[node]! - 1] = bytes[node]!;
    const isDeep = depths[node] === depth;
    if (isDeep && ends[node]! > node + 1) found.push({ index: node, path: path.slice() });
    node = isDeep ? ends[node]! : node + 1;
  }
  return found;
}
