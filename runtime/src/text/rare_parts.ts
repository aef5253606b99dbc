/** What rare_models.ts fills in: the parts of tokenizers that few models have. */
import { LlmError } from "../internal/errors";
import type { UnigramModel, WordPieceModel } from "./tokenizer_json";

interface Words {
  encode(word: string, ids: number[]): void;
}

export const rarely = {
  unigram: (_model: UnigramModel, _unreachable: ReadonlySet<number>): Words => notLoaded(),
  wordPiece: (_model: WordPieceModel, _unreachable: ReadonlySet<number>): Words => notLoaded(),
  precompiled: (_base64: unknown, _path: string): ((text: string) => string) => notLoaded(),
};

function notLoaded(): never {
  throw new LlmError("invalid_package", "tokenizer.json must name its types without escapes, which nobody writes.");
}
