/** What may be asked of OpenAI's `embeddings.create`. */
import { array, choice, countedText, either, type Infer, ignored, nullable, object, refused, text } from "./rules";

const MAX_INPUTS = 10_000;

export const embeddingsRequest = object({
  /** One text or several. Token ids are not taken: they are another tokenizer's. */
  input: either(countedText(), array(countedText(), 1, MAX_INPUTS)),
  /** The loaded model's id or name. */
  model: nullable(text(1, 256)),
  /** base64: of the float32 numbers, little-endian. Default: float. */
  encoding_format: nullable(choice("float", "base64")),
  dimensions: refused(),
  user: ignored(),
});

export type EmbeddingsRequest = Infer<typeof embeddingsRequest>;
