/** Tells the model what its answer is held to, so that it need not find out by what it may not write. */
import type { ResponseFormat } from "../contract/generate";
import type { PlainMessage } from "../contract/messages";

/** Where no message is the user's, nothing is added. */
export function describeFormat(input: readonly PlainMessage[], format: ResponseFormat): readonly PlainMessage[] {
  const last = input.map(({ role }) => role).lastIndexOf("user");
  return input.map((message, i) =>
    i === last ? { ...message, content: `${message.content}\n\n${sentence(format)}` } : message,
  );
}

function sentence(format: ResponseFormat): string {
  switch (format.type) {
    case "schema":
      return `Answer with JSON that is valid against this JSON Schema:\n${JSON.stringify(format.schema)}`;
    case "json":
      return "Answer with a JSON object.";
    case "regex":
      return `Answer with a text that matches this regular expression as a whole:\n${format.pattern}`;
    case "grammar":
      return `Answer with a text of this grammar:\n${format.ebnf}`;
  }
}
