/** The `loop` of a for block. Items are taken one by one, as the template may change what the next ones are. */
import { fail } from "./failure";
import { callable, unnamed } from "./signature";
import { type Callable, equal, Iter, iterate, length, Native, Tuple, Undefined, type Value } from "./values";

export class Loop extends Native {
  private index0 = -1n;
  private total: bigint | undefined;
  private ahead: IteratorResult<Value, void> | null = null;
  private before: Value = null;
  private current: Value = null;
  private lastChanged: Value = null;
  private iterator: Iterator<Value, void>;
  override readonly call: Callable;

  constructor(
    private readonly source: Value,
    recurse: ((items: Value, depth0: bigint) => Value) | null,
    private readonly depth0: bigint,
  ) {
    super();
    this.iterator = iterate(source);
    this.call = callable("iterable", (items: Value) =>
      recurse === null ? fail("the loop is not recursive") : recurse(items, depth0 + 1n),
    );
  }

  next(): IteratorResult<Value, void> {
    const result = this.ahead ?? this.iterator.next();
    this.ahead = null;
    if (!result.done) {
      this.index0++;
      this.before = this.current;
      this.current = result.value;
    }
    return result;
  }

  private peek(): IteratorResult<Value, void> {
    this.ahead ??= this.iterator.next();
    return this.ahead;
  }

  private length(): bigint {
    if (this.total === undefined) {
      let count = this.source instanceof Iter ? undefined : length(this.source);
      if (count === undefined) {
        const rest = [...{ [Symbol.iterator]: () => this.iterator }];
        this.iterator = rest[Symbol.iterator]() as Iterator<Value, void>;
        count = rest.length + Number(this.index0) + 1 + (this.ahead === null || this.ahead.done ? 0 : 1);
      }
      this.total = BigInt(count);
    }
    return this.total;
  }

  attribute(name: string): Value | undefined {
    switch (name) {
      case "index":
        return this.index0 + 1n;
      case "index0":
        return this.index0;
      case "first":
        return this.index0 === 0n;
      case "last":
        return this.peek().done === true;
      case "length":
        return this.length();
      case "revindex":
        return this.length() - this.index0;
      case "revindex0":
        return this.length() - this.index0 - 1n;
      case "depth":
        return this.depth0 + 1n;
      case "depth0":
        return this.depth0;
      case "previtem":
        return this.index0 === 0n ? new Undefined("there is no previous item") : this.before;
      case "nextitem": {
        const next = this.peek();
        return next.done ? new Undefined("there is no next item") : next.value;
      }
      case "cycle":
        return (args, kwargs) => {
          unnamed(kwargs);
          return args.length > 0 ? args[Number(this.index0) % args.length]! : fail("no items for cycling given");
        };
      case "changed":
        return (args, kwargs) => {
          unnamed(kwargs);
          const values = Tuple.from(args);
          if (equal(this.lastChanged, values)) return false;
          this.lastChanged = values;
          return true;
        };
      default:
        return undefined;
    }
  }
}
