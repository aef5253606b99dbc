/** An answer ends at stop ids, before stop strings, and at special tokens that are asked for as stop strings. */
import { describe, expect, test } from "vitest";
import { TextOutput } from "../../src/engine/text_output";
import { createTextModel } from "../../src/text/index";

const LETTERS = [..."abc<|>xyz", "<|end|>", "<tool>"];
const id = (token: string): number => LETTERS.indexOf(token);
const files = {
  tokenizer: JSON.stringify({
    added_tokens: [
      { id: id("<|end|>"), content: "<|end|>", special: true },
      { id: id("<tool>"), content: "<tool>", special: false },
    ],
    decoder: { type: "Fuse" },
    model: { type: "BPE", vocab: Object.fromEntries(LETTERS.map((token, index) => [token, index])), merges: [] },
  }),
  tokenizerConfig: "{}",
  chatTemplate: null,
  generationConfig: `{"eos_token_id": ${id("z")}}`,
};

const text = createTextModel(files);

function answer(stops: readonly string[], tokens: readonly string[], model = text): { shown: string; taken: number } {
  let shown = "";
  const output = new TextOutput(model, stops, (piece) => {
    shown += piece;
  });
  const ended = tokens.findIndex((token) => output.push(id(token)));
  output.flush();
  return { shown, taken: ended < 0 ? tokens.length : ended + 1 };
}

describe("what ends an answer", () => {
  test.each([
    ["a special token asked for", ["<|end|>"], ["a", "b", "<|end|>", "c"], "ab", 3],
    ["a special token among others", ["yy", "<|end|>"], ["a", "y", "<|end|>", "c"], "ay", 3],
    ["a special token not asked for", [], ["a", "<|end|>", "c"], "ac", 3],
    ["an ordinary added token", ["<tool>"], ["a", "<tool>", "c"], "a", 2],
    ["its letters", ["<|x|>"], ["a", "<", "|", "x", "|", ">", "c"], "a", 6],
    ["a stop id", ["<|end|>"], ["a", "z", "c"], "a", 2],
    ["half a stop string at the end", ["bc"], ["a", "b"], "ab", 2],
  ])("%s", (_, stops, tokens, shown, taken) => {
    expect(answer(stops, tokens)).toEqual({ shown, taken });
  });

  test.each([
    ["one of the model's own", '["bc", "<|end|>"]', [], ["a", "b", "c"], "a", 3],
    ["the model's own as one text", '"bc"', [], ["a", "b", "c"], "a", 3],
    ["a special token among the model's own", '["<|end|>"]', [], ["a", "<|end|>"], "a", 2],
    ["the caller's before the model's own", '["bc"]', ["a"], ["a", "b", "c"], "", 1],
  ])("%s", (_, own, stops, tokens, shown, taken) => {
    const model = createTextModel({ ...files, generationConfig: `{"stop_strings": ${own}}` });
    expect(answer(stops, tokens, model)).toEqual({ shown, taken });
  });
});
