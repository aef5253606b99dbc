/**
 * Models that think before they answer: the marks around their reasoning, and whether a prompt has opened it.
 *
 * The marks are found in the template. The prompt may already have opened the reasoning (DeepSeek-R1), or opened and
 * closed it (enable_thinking: false): what it wrote after the last message tells.
 */
export interface ReasoningMarks {
  readonly open: string;
  readonly close: string;
  /** What a model writes around its answer afterwards; it belongs to neither. */
  readonly around: readonly string[];
}

const HARMONY = "<|channel|>analysis<|message|>";
/** Granite 3 is told to write `<think>...</think><response>...</response>`; the others are pairs. */
const MARKS: readonly ReasoningMarks[] = [
  { open: "<think>", close: "</think>", around: ["<response>", "</response>"] },
  ...[
    ["<think>", "</think>"],
    ["[THINK]", "[/THINK]"],
    ["<seed:think>", "</seed:think>"],
    ["<mm:think>", "</mm:think>"],
    ["<think:opensource>", "</think:opensource>"],
    ["<|START_THINKING|>", "<|END_THINKING|>"],
    ["<|inner_prefix|>", "<|inner_suffix|>"],
  ].map(([open, close]) => ({ open: open!, close: close!, around: [] })),
  {
    open: HARMONY,
    close: "<|end|>",
    around: ["<|start|>assistant", "<|channel|>final<|message|>", "<|channel|>commentary<|message|>"],
  },
];

/** The first marks of which the template knows all; null: the model does not think, as far as the template knows. */
export function findReasoning(template: string): ReasoningMarks | null {
  return (
    MARKS.find(({ open, close, around }) =>
      [open, close, ...around.slice(0, 2)].every((mark) => template.includes(mark)),
    ) ?? null
  );
}

/** `tail`: what the prompt holds after the last message, or of an answer that goes on. True: it goes on thinking. */
export function isOpened({ open, close }: ReasoningMarks, tail: string): boolean {
  return tail.lastIndexOf(open) > tail.lastIndexOf(close);
}
