/** Post-processors of tokenizer.json: the ids put around an encoded text (bos, eos), as in the Python library. */
import { asObject, tokenizerReader } from "./tokenizer_json";

export type PostProcessor = (ids: number[]) => number[];

export function buildPostProcessor(json: unknown, path = "post_processor"): PostProcessor {
  if (json === null || json === undefined) return (ids) => ids;
  const config = asObject(json, path);
  switch (config.type) {
    case "ByteLevel": // changes offsets only
      return (ids) => ids;
    case "Sequence": {
      const parts = tokenizerReader
        .array(config.processors, `${path}.processors`, 0, 64)
        .map((part, index) => buildPostProcessor(part, `${path}.processors[${index}]`));
      return (ids) => parts.reduce((result, part) => part(result), ids);
    }
    case "BertProcessing":
    case "RobertaProcessing": {
      const cls = pairId(config.cls, `${path}.cls`);
      const sep = pairId(config.sep, `${path}.sep`);
      return (ids) => [cls, ...ids, sep];
    }
    case "TemplateProcessing":
      return buildTemplate(config, path);
    default:
      return tokenizerReader.fail(
        `${path}.type`,
        "one of ByteLevel, Sequence, TemplateProcessing, BertProcessing, RobertaProcessing",
        config.type,
      );
  }
}

function buildTemplate(config: Record<string, unknown>, path: string): PostProcessor {
  const specialTokens = asObject(config.special_tokens ?? {}, `${path}.special_tokens`);
  const before: number[] = [];
  const after: number[] = [];
  let seen = false;
  tokenizerReader.array(config.single, `${path}.single`, 0, 64).forEach((value, index) => {
    const item = asObject(value, `${path}.single[${index}]`);
    if (item.Sequence !== undefined) {
      if (seen) tokenizerReader.fail(`${path}.single`, "a template with one Sequence");
      seen = true;
      return;
    }
    const name = asObject(item.SpecialToken, `${path}.single[${index}].SpecialToken`).id;
    const named = typeof name === "string" && Object.hasOwn(specialTokens, name) ? specialTokens[name] : undefined;
    const { ids } = asObject(named, `${path}.special_tokens[${JSON.stringify(name)}]`);
    for (const id of tokenizerReader.array(ids, `${path}.special_tokens.ids`, 1, 16)) {
      (seen ? after : before).push(tokenizerReader.integer(id, `${path}.special_tokens.ids`, 0, 4_194_303));
    }
  });
  if (!seen) tokenizerReader.fail(`${path}.single`, "a template with one Sequence");
  return (ids) => [...before, ...ids, ...after];
}

function pairId(value: unknown, path: string): number {
  const pair = tokenizerReader.array(value, path, 2, 2);
  return tokenizerReader.integer(pair[1], `${path}[1]`, 0, 4_194_303);
}
