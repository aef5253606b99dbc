/** From a Format to something that runs: its grammar on a machine. */

import { type Dfa, Work } from "./automaton/dfa";
import { combine, texts } from "./automaton/languages";
import { parseEbnf } from "./ebnf";
import type { Format } from "./format";
import { type Grammar, GrammarItems } from "./grammar";
import { Json } from "./items/json";
import { LIMITS, malformed, tooLarge } from "./limits";
import { Machine, type State } from "./machine";
import { search, wholeMatch } from "./regex/compile";
import { SchemaCompiler } from "./schema/compile";
import type { Node } from "./schema/nodes";

export interface Program {
  readonly machine: Machine;
  readonly start: State;
}

export interface CompileOptions {
  /** Answers are written; else whether a text that is there fits is judged: in any order, spelling and white space. */
  readonly generating: boolean;
  /** Whether `format` of a schema says which strings are valid, or nothing, which is the specification's default. */
  readonly formats: "assert" | "ignore";
  /** The token of this content. */
  readonly tokenOf: (content: string) => number | undefined;
}

/**
 * `format` has been checked (read_format.ts). Errors: not_supported for what cannot be decided, with the path and the
 * keyword; invalid_request for what is not well-formed, or that nothing can fulfil.
 */
export function compileFormat(format: Format, options: CompileOptions): Program {
  const compiler = new FormatCompiler(options);
  const grammar = compiler.grammar(format, "format");
  const items = new GrammarItems(compiler.machine, grammar, compiler.rules, "format");
  const first = items.start();
  if (!first) {
    if (options.generating) throw malformed("format", "something that an answer can fulfil, and nothing does");
    return { machine: compiler.machine, start: compiler.machine.state([]) };
  }
  return { machine: compiler.machine, start: compiler.machine.start([first]) };
}

class FormatCompiler {
  readonly machine = new Machine();
  readonly rules = new Map<string, Grammar>();
  private readonly work = new Work();
  private grammars = 0;

  constructor(private readonly options: CompileOptions) {}

  grammar(format: Format, path: string): Grammar {
    const { work } = this;
    switch (format.type) {
      case "schema":
        return this.schema(format.schema, `${path}.schema`);
      case "json":
        return this.schema({ type: "object" }, path);
      case "regex":
        return automaton(wholeMatch(format.pattern, format.flags ?? "", work, `${path}.pattern`));
      case "grammar":
        return this.ebnf(format.ebnf, `${path}.ebnf`);
      case "literal":
        return automaton(texts([format.text], path));
      case "token": {
        const id = this.options.tokenOf(format.text);
        if (id === undefined) throw malformed(`${path}.text`, "a token of this model's vocabulary");
        return { kind: "token", id };
      }
      case "text":
        return automaton(this.without(format.without, path));
      case "sequence":
      case "choice":
        return { kind: format.type, items: format.items.map((each, i) => this.grammar(each, `${path}.items[${i}]`)) };
      case "repeat":
        return {
          kind: "repeat",
          item: this.grammar(format.item, `${path}.item`),
          min: format.min,
          max: format.max ?? Number.POSITIVE_INFINITY,
        };
    }
  }

  private schema(schema: object | boolean, path: string): Grammar {
    const { generating, formats } = this.options;
    const compiler = new SchemaCompiler(schema, path, { formats }, this.work);
    checkAll(compiler);
    const json = new Json(this.machine, compiler, generating);
    const value: Grammar = { kind: "value", json, node: compiler.root };
    if (generating) return value;
    const space = automaton(wholeMatch("[ \\t\\n\\r]*", "", this.work, path));
    return { kind: "sequence", items: [space, value, space] };
  }

  private ebnf(source: string, path: string): Grammar {
    // Rules of several grammars in one format have a name each.
    const prefix = `${this.grammars++}:`;
    const renamed = (grammar: Grammar): Grammar => {
      if (grammar.kind === "rule") return { ...grammar, name: prefix + grammar.name };
      if (grammar.kind === "sequence" || grammar.kind === "choice")
        return { ...grammar, items: grammar.items.map(renamed) };
      return grammar.kind === "repeat" ? { ...grammar, item: renamed(grammar.item) } : grammar;
    };
    for (const [name, body] of parseEbnf(source, this.work, path)) this.rules.set(prefix + name, renamed(body));
    return { kind: "rule", name: `${prefix}root` };
  }

  private without(strings: readonly string[], path: string): Dfa {
    const found = strings.map((each) => search(each.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"), this.work, path));
    return combine(found, (accepted) => !accepted.includes(true), this.work, path);
  }
}

function automaton(dfa: Dfa): Grammar {
  return { kind: "automaton", dfa };
}

/** Looks into every schema that a value can meet, so that what is not supported is known before anything is generated. */
function checkAll(compiler: SchemaCompiler): void {
  const nodes = new Set<Node>([compiler.root]);
  for (const node of nodes) {
    const { arrays, objects } = compiler.form(node);
    for (const { prefix, rest, contains } of arrays)
      for (const each of [...prefix, rest, ...contains.map((one) => one.node)]) nodes.add(each);
    for (const { rules, needs } of objects) for (const each of [...rules, ...needs]) nodes.add(each.node);
    if (nodes.size > LIMITS.nodes) throw tooLarge("schema", "its parts can be combined in too many ways");
  }
}
