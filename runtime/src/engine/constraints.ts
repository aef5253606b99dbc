/** Constraints of one model's answers. Loaded with the first request that has one, and the constraint engine with it. */
import { Constraints } from "../constraint/index";
import type { TextModel } from "../text/index";
import { tokenBytes } from "../text/token_bytes";

/** `vocabSize`: of the logits. Errors: not_supported for tokenizers whose tokens are no bytes. */
export function makeConstraints(text: TextModel, vocabSize: number): Constraints {
  const { tokenizer } = text;
  const { bytesOf, droppedSpaces } = tokenBytes(tokenizer);
  return new Constraints({
    size: vocabSize,
    bytesOf,
    droppedSpaces,
    idOf: (content) => tokenizer.idOf(content),
    encode: (answer) => tokenizer.encode(answer, { spans: [[0, answer.length]], isControl: () => true }),
    endIds: text.stopTokenIds,
  });
}
