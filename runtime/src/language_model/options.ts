/** The options that create() and availability() share. */
import type { SessionOptions } from "../api/types";
import { TYPES, type Type } from "./input";
import { type DeclaredTool, readTools } from "./tools";
import { dictionary, fail, oneOf, required, sequence, text } from "./webidl";

const MODES = [
  "most-predictable",
  "predictable",
  "slightly-predictable",
  "balanced",
  "slightly-creative",
  "creative",
  "most-creative",
] as const satisfies readonly SessionOptions["samplingMode"][];

export interface CoreOptions {
  readonly samplingMode: (typeof MODES)[number];
  readonly tools: readonly DeclaredTool[];
  /** Types that may come beside text. */
  readonly inputs: ReadonlySet<Type>;
  /** Calls of tools are the page's: answers are lists. */
  readonly open: boolean;
  readonly languages: readonly string[];
  /** Types that are asked for and that no model has. */
  readonly foreign: readonly Type[];
}

/** Errors: TypeError, RangeError for a language that is no BCP 47 tag; whatever getters throw. */
export function readCoreOptions(options: Readonly<Record<string, unknown>>): CoreOptions {
  const inputs = readExpected(options.expectedInputs, "expectedInputs");
  const outputs = readExpected(options.expectedOutputs, "expectedOutputs");
  const { samplingMode = "balanced" } = options;
  const mode = oneOf(samplingMode, "samplingMode", MODES);
  const tools = readTools(options.tools);
  const open = outputs.types.has("tool-call");
  if (!open && tools.some(({ execute }) => !execute))
    fail('tools without execute need expectedOutputs: [{type: "tool-call"}].');
  const foreign: Type[] = [...inputs.types, ...outputs.types].filter((type) => type === "image" || type === "audio");
  if (outputs.types.has("tool-response")) foreign.push("tool-response");
  if (open) inputs.types.add("tool-response");
  const languages = [...inputs.languages, ...outputs.languages];
  return { samplingMode: mode, tools, inputs: inputs.types, open, languages, foreign };
}

/** Why no model can do what is asked for; null: one may. `known`: languages; null is any. */
export function unsupported(core: CoreOptions, known: readonly string[] | null): string | null {
  if (core.foreign.length > 0) return `${core.foreign[0]} is not supported.`;
  const knows = (tag: string) => !known || known.some((each) => tag === each || tag.startsWith(`${each}-`));
  const language = core.languages.find((tag) => !knows(tag));
  return language === undefined ? null : `The language ${language} is not supported.`;
}

function readExpected(value: unknown, name: string): { types: Set<Type>; languages: readonly string[] } {
  const types = new Set<Type>();
  if (value === undefined) return { types, languages: [] };
  const languages = sequence(value, name).flatMap((entry) => {
    const given = dictionary(entry, name);
    const tags = given.languages === undefined ? [] : sequence(given.languages, "languages").map(text);
    types.add(oneOf(required(given.type, "type"), "type", TYPES));
    return tags;
  });
  return { types, languages: Intl.getCanonicalLocales(languages) };
}
