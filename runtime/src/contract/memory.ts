/** What may be asked of a memory: texts that are kept with tags and found by what they mean. */
import {
  array,
  choice,
  countedText,
  either,
  type Infer,
  integer,
  jsonObject,
  number,
  object,
  optional,
  text,
  variants,
} from "./rules";

const MAX_TAGS = 16;
const MAX_IDS = 10_000;
const MAX_FOUND = 1000;
const LATEST_MS = 8.64e15;

const id = integer(1, Number.MAX_SAFE_INTEGER);
const tags = array(text(1, 64), 0, MAX_TAGS);
const time = number(0, LATEST_MS);

/** A record of a memory, of which only the text must be there. */
const item = object({
  /** What is kept and found by its meaning. */
  text: countedText(1),
  /** Words of yours to find it by. */
  tags: optional(tags),
  /** Anything else that is to be kept with it. */
  data: optional(jsonObject()),
  /** When it was added, in milliseconds since 1970. Default: now. */
  createdMs: optional(time),
  /** Ignored: that of a record of an export. */
  id: optional(id),
});

/** What restricts a search, a list, or what is forgotten. */
const filter = {
  /** Only what has all of these tags. */
  tags: optional(tags),
  /** Only what was added then or later, in milliseconds since 1970. */
  since: optional(time),
  /** Only what was added earlier. */
  before: optional(time),
} as const;
const nothing = object({});

/** `items`: of one call of add. */
export const memoryCall = (items: number) =>
  variants("method", {
    add: object({
      method: choice("add"),
      input: either(countedText(1), item, array(either(countedText(1), item), 1, items)),
      options: nothing,
    }),
    search: object({
      method: choice("search"),
      input: countedText(1),
      options: object({
        /** At most so many. Default 5. */
        limit: optional(integer(1, MAX_FOUND)),
        /** Only what has at least this cosine. Default -1. */
        minScore: optional(number(-1, 1)),
        ...filter,
      }),
    }),
    forget: object({
      method: choice("forget"),
      input: object({
        /** Only these. */
        ids: optional(array(id, 0, MAX_IDS)),
        /** Everything, and the memory itself. */
        all: optional(choice(true)),
        ...filter,
      }),
      options: nothing,
    }),
    list: object({
      method: choice("list"),
      options: object({
        /** At most so many. Default 100. */
        limit: optional(integer(1, MAX_FOUND)),
        /** Only those with a higher id: the last one of the list before. */
        after: optional(id),
        ...filter,
      }),
    }),
    export: object({ method: choice("export"), options: object(filter) }),
    info: object({ method: choice("info"), options: nothing }),
    reembed: object({ method: choice("reembed"), options: nothing }),
  });

export const MEMORY_ITEMS = 10_000;

export const memoryItem = item;
export type MemoryItem = Infer<typeof item>;
export type MemoryCall = Infer<ReturnType<typeof memoryCall>>;
export type MemoryMethod = MemoryCall["method"];
type Of<M extends MemoryMethod> = Extract<MemoryCall, { method: M }>;
export type MemoryInput = Of<"add">["input"];
export type MemorySearchOptions = Of<"search">["options"];
export type MemoryListOptions = Of<"list">["options"];
export type MemoryFilter = Of<"export">["options"];
export type Forgotten = Of<"forget">["input"];

export interface MemoryRecord {
  /** Not used again while the memory is there. */
  readonly id: number;
  readonly text: string;
  readonly tags: readonly string[];
  readonly createdMs: number;
  /** What was given with it. */
  readonly data?: MemoryItem["data"];
}
export interface FoundRecord extends MemoryRecord {
  /** The cosine of the record and what was asked. */
  readonly score: number;
}
/** What `add` takes again as `records`. */
export interface MemoryExport {
  readonly format: "nomoat-memory";
  readonly version: 1;
  readonly model: string | null;
  readonly records: readonly MemoryRecord[];
}
export interface MemoryInfo {
  readonly count: number;
  /** Bytes that it takes in storage. */
  readonly nbytes: number;
  /** Id of the model that it was made with; null while it is empty. */
  readonly model: string | null;
  /** Numbers of a vector; null while it is empty. */
  readonly dimensions: number | null;
  /** Records that cannot be read any more. */
  readonly damaged: number;
}
/** What each method gives. */
export interface MemoryResults {
  add: readonly number[];
  search: readonly FoundRecord[];
  forget: number;
  list: readonly MemoryRecord[];
  export: MemoryExport;
  info: MemoryInfo;
  reembed: number;
}
