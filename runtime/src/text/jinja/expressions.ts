/**
 * Tokens → expressions, each a function of the scope. Precedence and quirks are those of Jinja's parser: filters bind
 * tighter than a sign's operand, ** associates to the left, a test takes an argument without parentheses.
 */
import { getAttribute, getItem } from "./attributes";
import { fail } from "./failure";
import { ALL_TESTS, FILTERS } from "./filters";
import type { Token } from "./lexer";
import { binary, contains, negate, slice, textOf } from "./operators";
import type { Definition } from "./signature";
import { Frame, type Scope } from "./symbols";
import { call, compare, Dict, equal, type Kwargs, list, Tuple, truth, Undefined, type Value } from "./values";
import { charge, STEP } from "./work";

/** What can be assigned to: a name, an attribute of a namespace, or several of them. */
export type Target =
  | { readonly name: string }
  | { readonly namespace: string; readonly attribute: string }
  | { readonly items: readonly Target[] };

export interface Expression {
  run(scope: Scope): Value;
  readonly target?: Target | undefined;
  /** Of a call: the same with one more named argument. */
  readonly callWith?: (scope: Scope, extra: Kwargs) => Value;
}

type Arguments = (scope: Scope) => readonly [readonly Value[], Map<string, Value>];

const NOTHING: Kwargs = new Map();
const CONSTANTS: ReadonlyMap<string, Value> = new Map<string, Value>([
  ["true", true],
  ["True", true],
  ["false", false],
  ["False", false],
  ["none", null],
  ["None", null],
]);
const COMPARISONS: Readonly<Record<string, (left: Value, right: Value) => boolean>> = {
  "==": equal,
  "!=": (left, right) => !equal(left, right),
  "<": (left, right) => compare(left, right) < 0,
  "<=": (left, right) => compare(left, right) <= 0,
  ">": (left, right) => compare(left, right) > 0,
  ">=": (left, right) => compare(left, right) >= 0,
  in: (left, right) => contains(right, left),
  "not in": (left, right) => !contains(right, left),
};
/** Names that a macro has without declaring them, where it uses them. */
const SPECIAL = ["caller", "kwargs", "varargs"];

export class ExpressionParser {
  private at = 0;
  protected frame = new Frame(null);
  /** For each macro around, which of SPECIAL it uses. */
  protected readonly specials: Set<string>[] = [];
  /** Filters and tests that there are not; below an if they fail only when they are used. */
  protected unknown: string[] = [];
  protected isSoft = false;

  constructor(private readonly tokens: readonly Token[]) {}

  protected get token(): Token {
    return this.tokens[this.at]!;
  }

  protected next(): Token {
    return this.tokens[this.at < this.tokens.length - 1 ? this.at++ : this.at]!;
  }

  protected fail(message: string): never {
    return fail(`line ${this.token.line}: ${message}`);
  }

  protected is(type: Token["type"], text?: string): boolean {
    return this.token.type === type && (text === undefined || this.token.text === text);
  }

  protected skip(type: Token["type"], text?: string): boolean {
    const found = this.is(type, text);
    if (found) this.next();
    return found;
  }

  protected expect(type: Token["type"], text?: string): string {
    if (!this.is(type, text)) this.fail(`${text ?? type} is expected, not ${this.token.text || this.token.type}`);
    return this.next().text;
  }

  protected isAhead(type: Token["type"], text?: string): boolean {
    const ahead = this.tokens[this.at + 1];
    return ahead?.type === type && (text === undefined || ahead.text === text);
  }

  private operator(...texts: string[]): string | null {
    return this.token.type === "operator" && texts.includes(this.token.text) ? this.next().text : null;
  }

  protected load(name: string): void {
    this.frame.events.push(["load", name]);
    if (SPECIAL.includes(name)) for (const special of this.specials) special.add(name);
  }

  /** One expression, or a tuple where there are commas. */
  tuple(withCondition = true, inParentheses = false, parse = () => this.expression(withCondition)): Expression {
    const items: Expression[] = [];
    let isTuple = false;
    for (;;) {
      if (items.length > 0) this.expect("operator", ",");
      if (this.is("end") || this.is("operator", ")")) break;
      items.push(parse());
      if (!this.is("operator", ",")) break;
      isTuple = true;
    }
    if (!isTuple && items.length > 0) return items[0]!;
    if (!isTuple && !inParentheses) this.fail("an expression is expected");
    const targets = items.map(({ target }) => target);
    return {
      run: (scope) => Tuple.from(items, (item) => item.run(scope)),
      target: targets.includes(undefined) ? undefined : { items: targets as Target[] },
    };
  }

  expression(withCondition = true): Expression {
    if (!withCondition) return this.or();
    const known = this.unknown.length;
    let result = this.or();
    while (this.skip("name", "if")) {
      const [value, test] = [result, this.or()];
      const otherwise = this.skip("name", "else") ? this.expression() : null;
      this.unknown.length = known;
      result = {
        run: (scope) => {
          if (truth(test.run(scope))) return value.run(scope);
          return otherwise === null ? new Undefined("an if without else was false") : otherwise.run(scope);
        },
      };
    }
    return result;
  }

  private or(): Expression {
    let left = this.and();
    while (this.skip("name", "or")) {
      const [first, second] = [left, this.and()];
      left = {
        run: (scope) => {
          const value = first.run(scope);
          return truth(value) ? value : second.run(scope);
        },
      };
    }
    return left;
  }

  private and(): Expression {
    let left = this.not();
    while (this.skip("name", "and")) {
      const [first, second] = [left, this.not()];
      left = {
        run: (scope) => {
          const value = first.run(scope);
          return truth(value) ? second.run(scope) : value;
        },
      };
    }
    return left;
  }

  private not(): Expression {
    if (!this.skip("name", "not")) return this.comparison();
    const operand = this.not();
    return { run: (scope) => !truth(operand.run(scope)) };
  }

  private comparison(): Expression {
    const first = this.sum();
    const rest: { holds: (left: Value, right: Value) => boolean; operand: Expression }[] = [];
    for (;;) {
      let name = this.operator("==", "!=", "<", "<=", ">", ">=");
      if (name === null && this.skip("name", "in")) name = "in";
      if (name === null && this.is("name", "not") && this.isAhead("name", "in")) {
        this.next();
        this.next();
        name = "not in";
      }
      if (name === null) break;
      rest.push({ holds: COMPARISONS[name]!, operand: this.sum() });
    }
    if (rest.length === 0) return first;
    return {
      run: (scope) => {
        let left = first.run(scope);
        return rest.every(({ holds, operand }) => {
          const right = operand.run(scope);
          const result = holds(left, right);
          left = right;
          return result;
        });
      },
    };
  }

  private binary(parse: () => Expression, ...operators: string[]): Expression {
    let left = parse();
    for (let name = this.operator(...operators); name !== null; name = this.operator(...operators)) {
      const [operator, first, second] = [name, left, parse()];
      left = { run: (scope) => binary(operator, first.run(scope), second.run(scope)) };
    }
    return left;
  }

  private sum(): Expression {
    return this.binary(() => this.concatenation(), "+", "-");
  }

  private concatenation(): Expression {
    const parts = [this.product()];
    while (this.operator("~")) parts.push(this.product());
    return parts.length === 1 ? parts[0]! : { run: (scope) => textOf(parts.map((part) => part.run(scope))) };
  }

  private product(): Expression {
    return this.binary(() => this.power(), "*", "/", "//", "%");
  }

  private power(): Expression {
    return this.binary(() => this.unary(), "**");
  }

  private unary(withFilter = true): Expression {
    const sign = this.operator("-", "+");
    let node: Expression;
    if (sign === null) node = this.primary();
    else {
      const operand = this.unary(false);
      const run = sign === "-" ? negate : (value: Value) => negate(negate(value));
      node = { run: (scope) => run(operand.run(scope)) };
    }
    node = this.postfix(node);
    return withFilter ? this.filters(node) : node;
  }

  /** A name or a literal. `withNamespace`: a dot after a name makes a target of both. */
  protected primary(withNamespace = false): Expression {
    const token = this.next();
    const { type, text } = token;
    if (type === "name") {
      const constant = CONSTANTS.get(text);
      if (constant !== undefined) return { run: () => constant };
      this.load(text);
      if (withNamespace && this.skip("operator", ".")) {
        return { run: () => null, target: { namespace: text, attribute: this.expect("name") } };
      }
      return {
        run: (scope) => {
          charge(STEP);
          return scope.get(text);
        },
        target: { name: text },
      };
    }
    if (type === "string") {
      let all = text;
      while (this.is("string")) all += this.next().text;
      return { run: () => all };
    }
    if (type === "number") return { run: () => token.value! };
    if (type === "operator" && text === "(") {
      const inner = this.tuple(true, true);
      this.expect("operator", ")");
      return inner;
    }
    if (type === "operator" && text === "[") {
      const items = this.until("]", () => this.expression());
      return { run: (scope) => items.map((item) => item.run(scope)) };
    }
    if (type === "operator" && text === "{") {
      const items = this.until("}", () => {
        const key = this.expression();
        this.expect("operator", ":");
        return [key, this.expression()] as const;
      });
      return { run: (scope) => Dict.of(items.map(([key, value]) => [key.run(scope), value.run(scope)] as const)) };
    }
    return this.fail(`unexpected ${text || type}`);
  }

  private until<T>(close: string, parse: () => T): T[] {
    const items: T[] = [];
    while (!this.is("operator", close)) {
      if (items.length > 0) this.expect("operator", ",");
      if (this.is("operator", close)) break;
      items.push(parse());
    }
    this.next();
    return items;
  }

  private postfix(node: Expression): Expression {
    for (let left = node; ; ) {
      if (this.is("operator", ".") || this.is("operator", "[")) left = this.subscript(left);
      else if (this.is("operator", "(")) left = this.call(left);
      else return left;
    }
  }

  private filters(node: Expression): Expression {
    for (let left = node; ; ) {
      if (this.skip("operator", "|")) left = this.filter(left);
      else if (this.skip("name", "is")) left = this.test(left);
      else if (this.is("operator", "(")) left = this.call(left);
      else return left;
    }
  }

  private subscript(node: Expression): Expression {
    if (this.next().text === ".") {
      const token = this.next();
      const { text, value } = token;
      if (token.type === "name") return { run: (scope) => getAttribute(node.run(scope), text) };
      if (typeof value !== "bigint") this.fail("a name or number is expected");
      return { run: (scope) => getItem(node.run(scope), value!) };
    }
    const items: Expression[] = [];
    let bounds: (Expression | null)[] | null = null;
    while (!this.is("operator", "]")) {
      if (items.length > 0 || bounds !== null) this.expect("operator", ",");
      const start = this.is("operator", ":") ? null : this.expression();
      if (start !== null && !this.is("operator", ":")) items.push(start);
      else bounds = [start, this.bound(), this.bound()];
    }
    this.next();
    if (bounds !== null) {
      const [start, stop, step] = bounds;
      if (items.length > 0) this.fail("a slice stands alone");
      const at = (bound: Expression | null | undefined, scope: Scope): Value => bound?.run(scope) ?? null;
      return { run: (scope) => slice(node.run(scope), at(start, scope), at(stop, scope), at(step, scope)) };
    }
    const at: Expression =
      items.length === 1 ? items[0]! : { run: (scope) => Tuple.from(items, (item) => item.run(scope)) };
    return { run: (scope) => getItem(node.run(scope), at.run(scope)) };
  }

  private bound(): Expression | null {
    const isThere = this.skip("operator", ":") && ![":", "]", ","].some((text) => this.is("operator", text));
    return isThere ? this.expression() : null;
  }

  private call(node: Expression): Expression {
    const args = this.callArguments();
    const callWith = (scope: Scope, extra: Kwargs): Value => {
      const target = node.run(scope);
      const [positional, named] = args(scope);
      return call(target, positional, new Map([...named, ...extra]));
    };
    return { run: (scope) => callWith(scope, NOTHING), callWith };
  }

  private callArguments(): Arguments {
    const positional: Expression[] = [];
    const named = new Map<string, Expression>();
    let rest: Expression | null = null;
    let names: Expression | null = null;
    this.expect("operator", "(");
    this.until(")", () => {
      if (this.skip("operator", "*")) {
        if (rest !== null || names !== null) this.fail("* stands here once, before **");
        rest = this.expression();
      } else if (this.skip("operator", "**")) {
        if (names !== null) this.fail("** stands here once");
        names = this.expression();
      } else if (this.is("name") && this.isAhead("operator", "=")) {
        const name = this.next().text;
        this.next();
        if (names !== null || named.has(name)) this.fail(`the argument ${name} cannot stand here`);
        named.set(name, this.expression());
      } else {
        if (rest !== null || names !== null || named.size > 0) this.fail("this argument needs a name");
        positional.push(this.expression());
      }
    });
    const [more, mapping] = [rest as Expression | null, names as Expression | null];
    return (scope) => {
      const values = positional.map((item) => item.run(scope));
      const kwargs = new Map(Array.from(named, ([name, item]) => [name, item.run(scope)] as const));
      if (more !== null) values.push(...list(more.run(scope)));
      const dict = mapping?.run(scope);
      if (dict !== undefined && !(dict instanceof Dict)) fail("** needs a dict");
      for (const [name, value] of dict instanceof Dict ? dict.entries() : []) {
        if (typeof name !== "string" || kwargs.has(name)) fail("** needs names that are not given yet");
        kwargs.set(name as string, value);
      }
      return [values, kwargs];
    };
  }

  private dotted(): string {
    let name = this.expect("name");
    while (this.skip("operator", ".")) name += `.${this.expect("name")}`;
    return name;
  }

  private named(kind: string, definitions: ReadonlyMap<string, Definition>, name: string): Definition {
    const found = definitions.get(name);
    if (found === undefined && !this.isSoft) this.unknown.push(`line ${this.token.line}: there is no ${kind} ${name}`);
    return found ?? (() => fail(`there is no ${kind} ${name}`));
  }

  protected filter(node: Expression): Expression {
    const definition = this.named("filter", FILTERS, this.dotted());
    const args = this.is("operator", "(") ? this.callArguments() : null;
    return { run: (scope) => apply(definition, node, args, scope) };
  }

  private test(node: Expression): Expression {
    const isNegated = this.skip("name", "not");
    const definition = this.named("test", ALL_TESTS, this.dotted());
    let args: Arguments | null = null;
    const { type, text } = this.token;
    if (this.is("operator", "(")) args = this.callArguments();
    else if (
      ["string", "number"].includes(type) ||
      (type === "name" && !["else", "or", "and"].includes(text)) ||
      (type === "operator" && "[{".includes(text))
    ) {
      if (this.is("name", "is")) this.fail("tests cannot be chained");
      const argument = this.postfix(this.primary());
      args = (scope) => [[argument.run(scope)], new Map()];
    }
    return { run: (scope) => truth(apply(definition, node, args, scope)) !== isNegated };
  }
}

function apply(definition: Definition, node: Expression, args: Arguments | null, scope: Scope): Value {
  charge(STEP);
  const value = node.run(scope);
  return args === null ? definition(value, [], NOTHING) : definition(value, ...args(scope));
}
