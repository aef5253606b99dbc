/**
 * What few templates use: formatting, dates, and the rarer filters and methods. Loading this file makes all of it known;
 * template.ts loads it where the text of a template calls for it, so that most pages never download it.
 */
import { fail } from "./failure";
import { FILTERS } from "./filters";
import { printf } from "./format";
import { GLOBALS } from "./globals";
import { rarely } from "./operators";
import { RARE_FILTERS } from "./rare_filters";
import { RARE_TEXT_METHODS } from "./rare_text_methods";
import { callable, unnamed } from "./signature";
import { strftime } from "./strftime";
import { TEXT_METHODS } from "./text_methods";
import { Native, Tuple, type Value } from "./values";

class Cycler extends Native {
  private at = 0;
  constructor(private readonly items: readonly Value[]) {
    super();
    if (items.length === 0) fail("cycler() needs items");
  }
  attribute(name: string): Value | undefined {
    if (name === "current") return this.items[this.at]!;
    if (name === "items") return Tuple.from(this.items);
    if (name === "pos") return BigInt(this.at);
    if (name === "reset") return callable("", () => this.move(-this.at));
    return name === "next" ? callable("", () => this.move(1)) : undefined;
  }
  private move(by: number): Value {
    const item = this.items[this.at]!;
    this.at = (this.at + by) % this.items.length;
    return by > 0 ? item : null;
  }
}

class Joiner extends Native {
  private used = false;
  override readonly call = callable("", () => {
    const text = this.used ? this.separator : "";
    this.used = true;
    return text;
  });
  constructor(private readonly separator: Value) {
    super();
  }
  attribute(name: string): Value | undefined {
    return name === "sep" ? this.separator : name === "used" ? this.used : undefined;
  }
}

const RARE_GLOBALS: readonly (readonly [string, Value])[] = [
  [
    "cycler",
    (args, kwargs) => {
      unnamed(kwargs);
      return new Cycler(args);
    },
  ],
  ["joiner", callable("sep?", (separator: Value = ", ") => new Joiner(separator))],
  ["lipsum", () => fail("lipsum() is not supported")],
  ["strftime_now", callable("format:s", (format: string) => strftime(new Date(), format))],
];

rarely.printf = printf;
for (const [name, definition] of Object.entries(RARE_FILTERS)) FILTERS.set(name, definition);
for (const [name, definition] of Object.entries(RARE_TEXT_METHODS)) TEXT_METHODS.set(name, definition);
for (const [name, value] of RARE_GLOBALS) GLOBALS.set(name, value);
