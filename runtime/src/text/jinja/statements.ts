/** Tokens → the template as a function. Scopes are those of Jinja's compiler (symbols.ts). */
import { type Expression, ExpressionParser, type Target } from "./expressions";
import { fail } from "./failure";
import { tokenize } from "./lexer";
import { Loop } from "./loop";
import { join, str } from "./print";
import { type Context, Frame, Scope } from "./symbols";
import {
  type Callable,
  Dict,
  Iter,
  isList,
  iterate,
  list,
  Namespace,
  Native,
  Tuple,
  truth,
  Undefined,
  type Value,
} from "./values";
import { charge, chargeLength, STEP } from "./work";

type Signal = "break" | "continue" | undefined;
type Statement = (scope: Scope, out: string[]) => Signal;
interface Parameter {
  readonly name: string;
  readonly otherwise: Expression | null;
}
interface Block {
  readonly body: Statement;
  readonly frame: Frame;
}

/** The rendering of `source` for given variables. */
export function compileTemplate(source: string): (given: ReadonlyMap<string, Value>) => string {
  return new TemplateParser(tokenize(source)).template();
}

function emit(out: string[], text: string): void {
  chargeLength(text.length);
  charge(STEP + text.length * 7); // What is written is kept to the end.
  out.push(text);
}

function textOf(body: Statement, scope: Scope): string {
  const out: string[] = [];
  body(scope, out);
  return join(out, "");
}

class TemplateParser extends ExpressionParser {
  private readonly frames: Frame[] = [this.frame];
  private readonly blocks = new Map<string, Block>();
  private loopDepth = 0; // for blocks around, of the same function as Python compiles it
  private forDepth = 0; // for blocks around

  template(): (given: ReadonlyMap<string, Value>) => string {
    const root = this.frame;
    root.events.push(["parameter", "self"]);
    const body = this.body([]);
    if (this.unknown.length > 0) fail(this.unknown[0]!);
    for (const frame of this.frames) frame.resolve();
    return (given) => {
      const context: { given: typeof given; top: Scope | null } = { given, top: null };
      const top = new Scope(root, null, context);
      context.top = top;
      top.set("self", new Blocks(this.blocks, context));
      return textOf(body, top);
    };
  }

  private within<T>(frame: Frame, parse: () => T): T {
    const [outer, isSoft] = [this.frame, this.isSoft];
    this.frame = frame;
    this.isSoft = false;
    const parsed = parse();
    this.frame = outer;
    this.isSoft = isSoft;
    return parsed;
  }

  private open(parent: Frame | null = this.frame): Frame {
    const frame = new Frame(parent);
    this.frames.push(frame);
    return frame;
  }

  /** Up to one of the tags, whose name is the next token; all of the template where there are none. */
  private body(ends: readonly string[]): Statement {
    const statements: Statement[] = [];
    for (;;) {
      const { type, text } = this.next();
      if (type === "data") {
        statements.push((_, out) => {
          emit(out, text);
          return undefined;
        });
      } else if (type === "variable") {
        const value = this.tuple();
        this.expect("end");
        statements.push((scope, out) => {
          emit(out, str(value.run(scope)));
          return undefined;
        });
      } else if (type === "block") {
        if (this.is("name") && ends.includes(this.token.text)) break;
        statements.push(this.statement());
        this.expect("end");
      } else if (ends.length > 0) this.fail(`the template ends before ${ends.join(" or ")}`);
      else break;
    }
    return (scope, out) => {
      for (const statement of statements) {
        const signal = statement(scope, out);
        if (signal !== undefined) return signal;
      }
      return undefined;
    };
  }

  /** From the end of the opening tag to the closing tag, whose name is taken. */
  private statements(...ends: string[]): { body: Statement; end: string } {
    this.skip("operator", ":");
    this.expect("end");
    const body = this.body(ends);
    return { body, end: this.next().text };
  }

  private statement(): Statement {
    const tag = this.expect("name");
    switch (tag) {
      case "set":
        return this.set();
      case "for":
        return this.for();
      case "if":
        return this.if();
      case "macro":
        return this.macro();
      case "call":
        return this.call_();
      case "filter":
        return this.filterBlock();
      case "with":
        return this.with();
      case "block":
        return this.block();
      case "generation": {
        const { frame, body } = this.function_(() => this.statements("endgeneration").body);
        return (scope, out) => {
          emit(out, textOf(body, scope.inner(frame)));
          return undefined;
        };
      }
      case "print": {
        const values: Expression[] = [];
        while (!this.is("end")) {
          if (values.length > 0) this.expect("operator", ",");
          values.push(this.expression());
        }
        return (scope, out) => {
          for (const value of values) emit(out, str(value.run(scope)));
          return undefined;
        };
      }
      case "break":
      case "continue":
        if (this.loopDepth === 0) this.fail(`${tag} stands outside of a loop`);
        return () => tag;
      case "autoescape": {
        const isOn = this.expression();
        const frame = this.open();
        const { body } = this.within(frame, () => this.statements("endautoescape"));
        return (scope, out) =>
          truth(isOn.run(scope)) ? fail("autoescape is not supported") : body(scope.inner(frame), out);
      }
      case "include":
      case "import":
      case "extends":
      case "from":
        while (!this.is("end")) this.next();
        return () => fail(`${tag} needs other templates, and a chat template has none`);
      default:
        return this.fail(`there is no tag ${tag}`);
    }
  }

  /** Names of a target go to the frame as stores (or parameters), not as the loads that parsing noted. */
  private target(withNamespace = false): Target {
    const { events } = this.frame;
    const before = events.length;
    const { target } = this.tuple(true, false, () => this.primary(withNamespace));
    events.length = before;
    return target ?? this.fail("nothing can be assigned to this");
  }

  private name(): string {
    const name = this.expect("name");
    return ["true", "false", "none", "True", "False", "None"].includes(name) ? this.fail(`${name} is no name`) : name;
  }

  private note(target: Target, kind: "store" | "parameter", frame = this.frame): void {
    if ("items" in target) for (const item of target.items) this.note(item, kind, frame);
    else if ("namespace" in target) frame.events.push(["load", target.namespace]);
    else {
      frame.events.push([kind, target.name]);
      if (target.name === "loop" && this.forDepth > 0) this.fail("loop cannot be assigned to in a loop");
    }
  }

  private set(): Statement {
    const target = this.target(true);
    if (this.skip("operator", "=")) {
      const value = this.tuple();
      this.note(target, "store");
      return (scope) => {
        assign(target, value.run(scope), scope);
        return undefined;
      };
    }
    this.note(target, "store");
    const frame = this.open();
    const { filtered, body, buffer } = this.within(frame, () => {
      const text: Buffer = { value: "" };
      const chain = this.is("operator", "|") ? this.chain(text) : null;
      return { filtered: chain, buffer: text, ...this.statements("endset") };
    });
    return (scope) => {
      const inner = scope.inner(frame);
      const out: string[] = [];
      const signal = body(inner, out);
      if (signal !== undefined) return signal;
      buffer.value = join(out, "");
      assign(target, filtered === null ? buffer.value : filtered.run(inner), scope);
      return undefined;
    };
  }

  /** `|a|b(…)` on what a block has written. */
  private chain(buffer: Buffer): Expression {
    let node: Expression = { run: () => buffer.value };
    while (this.skip("operator", "|")) node = this.filter(node);
    return node;
  }

  private filterBlock(): Statement {
    const frame = this.open();
    const { events } = this.frame;
    const { filtered, body, buffer } = this.within(frame, () => {
      const text: Buffer = { value: "" };
      let node = this.filter({ run: () => text.value });
      while (this.skip("operator", "|")) node = this.filter(node);
      events.push(...frame.events);
      return { filtered: node, buffer: text, ...this.statements("endfilter") };
    });
    return (scope, out) => {
      const inner = scope.inner(frame);
      const written: string[] = [];
      const signal = body(inner, written);
      if (signal !== undefined) return signal;
      buffer.value = join(written, "");
      emit(out, str(filtered.run(inner)));
      return undefined;
    };
  }

  private if(): Statement {
    const cases: { test: Expression | null; body: Statement }[] = [];
    const isSoft = this.isSoft;
    const { frame } = this;
    this.isSoft = true;
    // Of what a branch does to names, the others know nothing.
    const branches: (typeof frame.events)[] = [];
    const inBranch = <T>(parse: () => T): T => {
      const outer = frame.events;
      frame.events = [];
      const parsed = parse();
      branches.push(frame.events);
      frame.events = outer;
      return parsed;
    };
    let end = "elif";
    while (end === "elif") {
      const test = cases.length === 0 ? this.tuple(false) : inBranch(() => this.tuple(false));
      const parsed = inBranch(() => this.statements("elif", "else", "endif"));
      cases.push({ test, body: parsed.body });
      ({ end } = parsed);
    }
    if (end === "else") cases.push({ test: null, body: inBranch(() => this.statements("endif").body) });
    frame.events.push(["branches", branches]);
    this.isSoft = isSoft;
    return (scope, out) => cases.find(({ test }) => test === null || truth(test.run(scope)))?.body(scope, out);
  }

  private for(): Statement {
    this.forDepth++;
    const target = this.target();
    this.expect("name", "in");
    const items = this.tuple(false);
    const testFrame = this.open();
    let test: Expression | null = null;
    if (this.skip("name", "if")) {
      this.note(target, "parameter", testFrame);
      test = this.within(testFrame, () => this.expression());
    }
    const isRecursive = this.skip("name", "recursive");
    const frame = this.open();
    frame.events.push(["parameter", "loop"]);
    this.note(target, "parameter", frame);
    this.loopDepth++;
    const { body, end } = this.within(frame, () => this.statements("endfor", "else"));
    this.loopDepth--;
    const elseFrame = this.open();
    const otherwise = end === "else" ? this.within(elseFrame, () => this.statements("endfor").body) : null;
    this.forDepth--;

    function* chosen(source: Value, scope: Scope, condition: Expression): Generator<Value, void> {
      const inner = scope.inner(testFrame);
      for (const item of iterate(source)) {
        assign(target, item, inner);
        if (truth(condition.run(inner))) yield item;
      }
    }
    const run = (source: Value, depth: bigint, scope: Scope, out: string[]): Signal => {
      const recurse = (inner: Value, deeper: bigint): Value => {
        const text: string[] = [];
        run(inner, deeper, scope, text);
        return join(text, "");
      };
      const loop = new Loop(
        test === null ? source : new Iter(chosen(source, scope, test)),
        isRecursive ? recurse : null,
        depth,
      );
      let isComplete = false;
      for (let next = loop.next(); !next.done; next = loop.next()) {
        charge(STEP);
        const inner = scope.inner(frame);
        inner.set("loop", loop);
        assign(target, next.value, inner);
        const signal = body(inner, out);
        if (signal === "break") break;
        isComplete ||= signal === undefined;
      }
      // As in Jinja, else follows also where no round came to its end.
      return isComplete ? undefined : otherwise?.(scope.inner(elseFrame), out);
    };
    return (scope, out) => run(items.run(scope), 0n, scope, out);
  }

  /** The body of a function of its own: loops outside of it cannot be left from within. */
  private function_<T>(parse: () => T): { frame: Frame; specials: Set<string>; body: T } {
    const frame = this.open();
    const specials = new Set<string>();
    const { loopDepth } = this;
    this.loopDepth = 0;
    this.specials.push(specials);
    const body = this.within(frame, parse);
    this.specials.pop();
    this.loopDepth = loopDepth;
    frame.events.unshift(...[...specials].map((name) => ["parameter", name] as const));
    return { frame, specials, body };
  }

  private signature(): Parameter[] {
    const parameters: Parameter[] = [];
    this.expect("operator", "(");
    while (!this.skip("operator", ")")) {
      if (parameters.length > 0) this.expect("operator", ",");
      const name = this.name();
      this.frame.events.splice(parameters.length, 0, ["parameter", name]);
      const otherwise = this.skip("operator", "=") ? this.expression() : null;
      if (otherwise === null && parameters.at(-1)?.otherwise) this.fail(`${name} needs a default`);
      parameters.push({ name, otherwise });
    }
    return parameters;
  }

  private function(
    name: string | null,
    end: string,
    withSignature: boolean,
    between?: () => void,
  ): (scope: Scope) => Callable {
    const {
      frame,
      specials,
      body: parsed,
    } = this.function_(() => {
      const parameters = withSignature ? this.signature() : [];
      between?.();
      return { parameters, body: this.statements(end).body };
    });
    const { parameters, body } = parsed;
    const declared = parameters.map((parameter) => parameter.name);
    if (specials.has("caller") && parameters.find(({ name }) => name === "caller")?.otherwise === null) {
      this.fail("the parameter caller needs a default");
    }
    const has = (special: string): boolean => specials.has(special) && !declared.includes(special);
    const attributes = new Map<string, Value>(
      Object.entries({
        name,
        arguments: Tuple.from(declared),
        catch_kwargs: has("kwargs"),
        catch_varargs: has("varargs"),
        caller: specials.has("caller"),
        explicit_caller: declared.includes("caller"),
      }),
    );
    return (outer) => {
      const run: Callable = (args, kwargs) => {
        charge(STEP);
        const scope = outer.inner(frame);
        const rest = new Map(kwargs);
        const take = (key: string): Value | undefined => {
          const value = rest.get(key);
          rest.delete(key);
          return value;
        };
        const values = declared.map((key, index) => (index < args.length ? args[index] : take(key)));
        for (const [index, key] of declared.entries()) scope.set(key, values[index]);
        if (has("caller")) scope.set("caller", take("caller") ?? new Undefined("no caller is defined"));
        if (has("kwargs")) scope.set("kwargs", Dict.of(rest));
        else if (rest.size > 0) fail(`macro ${name} takes no argument ${[...rest.keys()].join(" or ")}`);
        if (has("varargs")) scope.set("varargs", Tuple.from(args.slice(declared.length)));
        else if (args.length > declared.length) fail(`macro ${name} takes at most ${declared.length} arguments`);
        parameters.forEach(({ name: key, otherwise }, index) => {
          if (values[index] !== undefined) return;
          scope.set(
            key,
            otherwise === null ? new Undefined(`parameter '${key}' was not provided`) : otherwise.run(scope),
          );
        });
        return textOf(body, scope);
      };
      return Object.assign(run, { attributes });
    };
  }

  private macro(): Statement {
    const name = this.name();
    const make = this.function(name, "endmacro", true);
    this.note({ name }, "store");
    return (scope) => {
      scope.set(name, make(scope));
      return undefined;
    };
  }

  private call_(): Statement {
    const outer = this.frame;
    let called: Expression | null = null;
    const make = this.function(null, "endcall", this.is("operator", "("), () => {
      called = this.within(outer, () => this.expression());
    });
    const callWith = (called as Expression | null)?.callWith ?? this.fail("a call is expected");
    return (scope, out) => {
      emit(out, str(callWith(scope, new Map([["caller", make(scope)]]))));
      return undefined;
    };
  }

  private with(): Statement {
    const targets: Target[] = [];
    const values: Expression[] = [];
    while (!this.is("end")) {
      if (targets.length > 0) this.expect("operator", ",");
      targets.push(this.target());
      this.expect("operator", "=");
      values.push(this.expression());
    }
    const frame = this.open();
    for (const target of targets) this.note(target, "parameter", frame);
    const { body } = this.within(frame, () => this.statements("endwith"));
    return (scope, out) => {
      const inner = scope.inner(frame);
      for (const [index, target] of targets.entries()) assign(target, values[index]!.run(scope), inner);
      return body(inner, out);
    };
  }

  private block(): Statement {
    const name = this.name();
    const isScoped = this.skip("name", "scoped");
    const isRequired = this.skip("name", "required");
    if (this.blocks.has(name)) this.fail(`there are two blocks ${name}`);
    const frame = this.open(null);
    frame.events.push(["parameter", "self"]);
    const { loopDepth } = this;
    this.loopDepth = 0;
    const { body } = this.within(frame, () => this.statements("endblock"));
    this.loopDepth = loopDepth;
    this.skip("name", name);
    const block = { frame, body: isRequired ? () => fail(`the block ${name} is required`) : body };
    this.blocks.set(name, block);
    return (scope, out) => {
      const context: Context = isScoped ? { given: scope.stored(), top: null } : scope.context;
      emit(out, renderBlock(block, this.blocks, context));
      return undefined;
    };
  }
}

interface Buffer {
  value: string;
}

function renderBlock({ frame, body }: Block, blocks: ReadonlyMap<string, Block>, context: Context): string {
  const scope = new Scope(frame, null, context);
  scope.set("self", new Blocks(blocks, context));
  return textOf(body, scope);
}

/** `self`: its attributes render a block once more. */
class Blocks extends Native {
  constructor(
    private readonly blocks: ReadonlyMap<string, Block>,
    private readonly context: Context,
  ) {
    super();
  }
  attribute(name: string): Value | undefined {
    const block = this.blocks.get(name);
    return block && (() => renderBlock(block, this.blocks, this.context));
  }
}

function assign(target: Target, value: Value, scope: Scope): void {
  if ("name" in target) scope.set(target.name, value);
  else if ("namespace" in target) {
    const namespace = scope.get(target.namespace);
    if (!(namespace instanceof Namespace)) fail(`${target.namespace} is no namespace`);
    namespace.set(target.attribute, value);
  } else {
    const values = isList(value) ? value : list(value);
    if (values.length !== target.items.length) fail(`${target.items.length} values are needed, not ${values.length}`);
    for (const [index, item] of target.items.entries()) assign(item, values[index]!, scope);
  }
}
