/**
 * Grammars: expressions over automata, tokens and values of JSON, with rules that may be recursive but not on their left.
 *
 * What can never be completed (a rule that always needs itself) is found here and left out of every choice.
 */
import type { Dfa } from "./automaton/dfa";
import type { Json } from "./items/json";
import { AutomatonItem, TokenItem } from "./items/text";
import { LIMITS, notSupported, tooLarge } from "./limits";
import { type Alternatives, Item, type Machine } from "./machine";
import type { Node } from "./schema/nodes";

export type Grammar =
  | { readonly kind: "automaton"; readonly dfa: Dfa }
  | { readonly kind: "token"; readonly id: number }
  | { readonly kind: "value"; readonly json: Json; readonly node: Node }
  | { readonly kind: "sequence"; readonly items: readonly Grammar[] }
  | { readonly kind: "choice"; readonly items: readonly Grammar[] }
  | { readonly kind: "repeat"; readonly item: Grammar; readonly min: number; readonly max: number }
  | { readonly kind: "rule"; readonly name: string };

/** What consists of other grammars. */
type Compound = Exclude<Grammar, { kind: "automaton" | "token" | "value" }>;

export type Rules = ReadonlyMap<string, Grammar>;

export class GrammarItems {
  private readonly productive = new Set<Grammar>();
  private readonly serials = new Map<Grammar, number>();

  /** Errors: not_supported for left recursion. */
  constructor(
    private readonly machine: Machine,
    private readonly root: Grammar,
    private readonly rules: Rules,
    private readonly path: string,
  ) {
    const all = reachable(root, rules);
    const nullable = grow(all, (each, known) => this.isNullable(each, known));
    this.refuseLeftRecursion(nullable);
    this.productive = grow(all, (each, known) => this.isProductive(each, known));
  }

  /** Null: there is no text of the grammar. */
  start(): Item | null {
    return this.productive.has(this.root) ? this.item(this.root) : null;
  }

  item(grammar: Grammar): Item {
    const { machine } = this;
    switch (grammar.kind) {
      case "automaton":
        return AutomatonItem.make(machine, grammar.dfa);
      case "token":
        return TokenItem.make(machine, grammar.id);
      case "value":
        return grammar.json.value(grammar.node);
      case "repeat":
        return this.repeat(grammar, 0);
      default:
        return machine.item(`grammar ${this.serial(grammar)}`, () => new GrammarItem(this, grammar));
    }
  }

  /** What a grammar that takes no bytes itself stands for. */
  alternatives(grammar: Grammar): Alternatives {
    const lives = (each: Grammar) => this.productive.has(each);
    switch (grammar.kind) {
      case "sequence":
        return grammar.items.every(lives) ? [grammar.items.map((each) => this.item(each))] : [];
      case "choice":
        return grammar.items.filter(lives).map((each) => [this.item(each)]);
      case "rule": {
        const body = this.rules.get(grammar.name)!;
        return lives(body) ? [[this.item(body)]] : [];
      }
      default:
        return [[this.item(grammar)]];
    }
  }

  repeat(grammar: Grammar & { kind: "repeat" }, count: number): Item {
    const counted = grammar.max === Number.POSITIVE_INFINITY ? Math.min(count, grammar.min) : count;
    const key = `repeat ${this.serial(grammar)} ${counted}`;
    return this.machine.item(key, () => new RepeatItem(this, grammar, counted, this.productive.has(grammar.item)));
  }

  private serial(grammar: Grammar): number {
    let serial = this.serials.get(grammar);
    if (serial === undefined) {
      serial = this.serials.size;
      this.serials.set(grammar, serial);
    }
    return serial;
  }

  /** Of a property that a grammar has by its parts: whether it follows from those that are known to have it. */
  private holdsByParts(grammar: Compound, known: ReadonlySet<Grammar>): boolean {
    switch (grammar.kind) {
      case "sequence":
        return grammar.items.every((each) => known.has(each));
      case "choice":
        return grammar.items.some((each) => known.has(each));
      case "repeat":
        return grammar.min === 0 || known.has(grammar.item);
      case "rule":
        return known.has(this.rules.get(grammar.name)!);
    }
  }

  private isNullable(grammar: Grammar, known: ReadonlySet<Grammar>): boolean {
    switch (grammar.kind) {
      case "automaton":
        return grammar.dfa.accepts(grammar.dfa.start);
      case "token":
      case "value":
        return false;
      default:
        return this.holdsByParts(grammar, known);
    }
  }

  private isProductive(grammar: Grammar, known: ReadonlySet<Grammar>): boolean {
    switch (grammar.kind) {
      case "automaton":
        return grammar.dfa.states > 0;
      case "token":
        return true;
      case "value":
        return grammar.json.has(grammar.node);
      default:
        return this.holdsByParts(grammar, known);
    }
  }

  private refuseLeftRecursion(nullable: ReadonlySet<Grammar>): void {
    const done = new Set<Grammar>();
    const open = new Set<Grammar>();
    const visit = (grammar: Grammar, depth: number): void => {
      if (done.has(grammar)) return;
      if (depth > 10 * LIMITS.depth) throw tooLarge(this.path, "its rules are nested too deeply");
      if (open.has(grammar)) {
        const name = grammar.kind === "rule" ? `the rule ${grammar.name.replace(/^\d+:/, "")}` : "a rule";
        throw notSupported(
          this.path,
          "left recursion",
          `left recursion: ${name} begins with itself. Write a repetition.`,
        );
      }
      open.add(grammar);
      for (const first of this.firsts(grammar, nullable)) visit(first, depth + 1);
      open.delete(grammar);
      done.add(grammar);
    };
    for (const body of [this.root, ...this.rules.values()]) visit(body, 0);
  }

  /** Parts that may stand at the beginning. */
  private firsts(grammar: Grammar, nullable: ReadonlySet<Grammar>): readonly Grammar[] {
    switch (grammar.kind) {
      case "choice":
        return grammar.items;
      case "repeat":
        return [grammar.item];
      case "rule":
        return [this.rules.get(grammar.name)!];
      case "sequence": {
        const stop = grammar.items.findIndex((each) => !nullable.has(each));
        return stop < 0 ? grammar.items : grammar.items.slice(0, stop + 1);
      }
      default:
        return [];
    }
  }
}

class GrammarItem extends Item {
  constructor(
    private readonly items: GrammarItems,
    private readonly grammar: Grammar,
  ) {
    super();
  }

  protected override expand(): Alternatives {
    return this.items.alternatives(this.grammar);
  }
}

class RepeatItem extends Item {
  constructor(
    private readonly items: GrammarItems,
    private readonly grammar: Grammar & { kind: "repeat" },
    private readonly count: number,
    private readonly lives: boolean,
  ) {
    super();
  }

  protected override expand(): Alternatives {
    const { items, grammar, count, lives } = this;
    const more = lives && count < grammar.max ? [[items.item(grammar.item), items.repeat(grammar, count + 1)]] : [];
    return count >= grammar.min ? [[], ...more] : more;
  }
}

function reachable(root: Grammar, rules: Rules): readonly Grammar[] {
  const found = new Set<Grammar>([root, ...rules.values()]);
  for (const grammar of found) {
    if (grammar.kind === "sequence" || grammar.kind === "choice") for (const each of grammar.items) found.add(each);
    if (grammar.kind === "repeat") found.add(grammar.item);
    if (found.size > LIMITS.values) throw tooLarge("grammar", "it is too long");
  }
  return [...found];
}

/** The least set of which `is` holds for each member, given the others. */
function grow(all: readonly Grammar[], is: (each: Grammar, known: ReadonlySet<Grammar>) => boolean): Set<Grammar> {
  const known = new Set<Grammar>();
  for (let before = -1; before < known.size; ) {
    before = known.size;
    // Backwards: parts come after what they are part of.
    for (let i = all.length - 1; i >= 0; i--) if (!known.has(all[i]!) && is(all[i]!, known)) known.add(all[i]!);
  }
  return known;
}
