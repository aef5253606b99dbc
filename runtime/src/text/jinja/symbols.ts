/**
 * Where a name lives: Jinja decides it for a whole frame (template, loop, macro, block...) before the frame runs.
 *
 * The parser notes what happens to names, in order; when all is parsed, `resolve` says of each name of a frame how it
 * begins. A frame that sets a name has its own from the start, as a copy of the outer one where there is one. The rules
 * are those of Jinja's idtracking.
 */
import { Undefined, type Value } from "./values";
import { charge, STEP } from "./work";

type Event = readonly ["load" | "store" | "parameter", string] | readonly ["branches", readonly Event[][]];
/** parameter: whoever enters the frame sets it; outer: a copy of the enclosing frame's; context: a variable of the template; none: not there yet. */
type Start = "parameter" | "outer" | "context" | "none";

class Names {
  starts = new Map<string, Start>();
  stores = new Set<string>();

  constructor(private readonly parent: Frame | null) {}

  private outer(name: string): boolean {
    for (let frame = this.parent; frame !== null; frame = frame.parent) if (frame.starts.has(name)) return true;
    return false;
  }

  apply(events: readonly Event[]): this {
    for (const [kind, what] of events) {
      if (kind === "branches") this.merge(what.map((branch) => this.copy().apply(branch)));
      else if (kind === "load") {
        if (!this.starts.has(what) && !this.outer(what)) this.starts.set(what, "context");
      } else {
        this.stores.add(what);
        if (kind === "parameter") this.starts.set(what, "parameter");
        else if (!this.starts.has(what)) this.starts.set(what, this.outer(what) ? "outer" : "none");
      }
    }
    return this;
  }

  private copy(): Names {
    const copy = new Names(this.parent);
    copy.starts = new Map(this.starts);
    copy.stores = new Set(this.stores);
    return copy;
  }

  private merge(branches: readonly Names[]): void {
    const added = branches.flatMap(({ stores }) => [...stores]).filter((name) => !this.stores.has(name));
    for (const { starts, stores } of branches) {
      for (const [name, start] of starts) this.starts.set(name, start);
      for (const name of stores) this.stores.add(name);
    }
    for (const name of added) this.starts.set(name, this.outer(name) ? "outer" : "context");
  }
}

export class Frame {
  events: Event[] = [];
  starts: ReadonlyMap<string, Start> = new Map();
  stores: ReadonlySet<string> = new Set();

  /** `parent` is null for the template and for blocks, which see variables of the template only. */
  constructor(readonly parent: Frame | null) {}

  /** After everything is parsed, outer frames first. */
  resolve(): void {
    const { starts, stores } = new Names(this.parent).apply(this.events);
    this.starts = starts;
    this.stores = stores;
  }
}

/** Variables given to the template, and those that it sets outside of loops, macros and blocks. */
export interface Context {
  readonly given: ReadonlyMap<string, Value>;
  readonly top: Scope | null;
}

/** A frame that runs. */
export class Scope {
  /** undefined: not there (yet). */
  private readonly values = new Map<string, Value | undefined>();

  constructor(
    private readonly frame: Frame,
    private readonly parent: Scope | null,
    readonly context: Context,
  ) {
    charge(4 * STEP);
    for (const [name, start] of frame.starts) {
      this.values.set(
        name,
        start === "outer" ? parent?.find(name) : start === "context" ? variable(context, name) : undefined,
      );
    }
  }

  inner(frame: Frame): Scope {
    return new Scope(frame, this, this.context);
  }

  find(name: string): Value | undefined {
    for (let scope: Scope | null = this; scope !== null; scope = scope.parent) {
      if (scope.values.has(name)) return scope.values.get(name);
    }
    return variable(this.context, name);
  }

  get(name: string): Value {
    const value = this.find(name);
    return value === undefined ? new Undefined(`'${name}' is undefined`) : value;
  }

  set(name: string, value: Value | undefined): void {
    this.values.set(name, value);
  }

  /** What this frame and those around it have set, for a scoped block. */
  stored(): Map<string, Value> {
    const all = new Map(this.parent?.stored() ?? this.context.given);
    for (const name of this.frame.stores) {
      const value = this.values.get(name);
      if (value !== undefined) all.set(name, value);
    }
    return all;
  }

  own(name: string): Value | undefined {
    return this.frame.stores.has(name) ? this.values.get(name) : undefined;
  }
}

function variable({ given, top }: Context, name: string): Value | undefined {
  const own = top?.own(name);
  return own === undefined ? given.get(name) : own;
}
