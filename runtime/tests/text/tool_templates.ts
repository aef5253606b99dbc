/** Chat templates in the styles of the families, written for the tests: each shows tools and writes calls as they do. */

const turns = (calls: string, { header = "<|im_start|>", end = "<|im_end|>\n", prompt = "" } = {}): string =>
  `{% if tools %}TOOLS {{ tools | tojson }}{% endif %}` +
  `{% for m in messages %}${header}{{ m.role }}\n{% if m.content %}{{ m.content }}{% endif %}` +
  `{% if m.tool_calls %}${calls}{% endif %}${end}{% endfor %}` +
  `{% if add_generation_prompt %}${header}assistant\n${prompt}{% endif %}`;
const each = (call: string): string => `{% for c in m.tool_calls %}${call}{% endfor %}`;
const list = (call: string): string => each(`{{ ', ' if not loop.first }}${call}`);
const args = "{{ c.function.arguments | tojson }}";
const name = "{{ c.function.name }}";
const pairs = (pair: string): string => `{% for k, v in c.function.arguments.items() %}${pair}{% endfor %}`;
const plain = "{{ v if v is string else v | tojson }}";
const single = "{% if m.tool_calls | length > 1 %}{{ raise_exception('one call') }}{% endif %}";
const nine = "{% if c.id | length != 9 %}{{ raise_exception('ids have nine characters') }}{% endif %}";

export const TEMPLATES: Readonly<Record<string, string>> = {
  hermes: turns(each(`{{ '\n' }}<tool_call>\n{"name": "${name}", "arguments": ${args}}\n</tool_call>`)),
  "qwen3-coder": turns(
    each(
      `{{ '\n' }}<tool_call>\n<function=${name}>\n${pairs(`<parameter={{ k }}>\n${plain}\n</parameter>\n`)}</function>\n</tool_call>`,
    ),
  ),
  llama3: turns(`${single}${each(`{"name": "${name}", "parameters": ${args}}`)}`, { end: "<|eot_id|>" }),
  "llama3 with python_tag": turns(
    `${single}{% if false %}<|python_tag|>{% endif %}${each(`{"name": "${name}", "parameters": ${args}}`)}`,
    { end: "<|eot_id|>" },
  ),
  mistral: turns(`[TOOL_CALLS][${list(`${nine}{"name": "${name}", "arguments": ${args}, "id": "{{ c.id }}"}`)}]`, {
    end: "</s>",
  }),
  "mistral-args": turns(each(`[TOOL_CALLS]${name}[CALL_ID]{{ c.id }}[ARGS]${args}`), { end: "</s>" }),
  "functionary-v3.1": turns(each(`<function=${name}>${args}</function>`), { end: "<|eom_id|>" }),
  "functionary-v3.2":
    "{% if tools %}TOOLS {{ tools | tojson }}{% endif %}{% for m in messages %}<|h|>{{ m.role }}\n" +
    "{% if m.content %}{{ '>>>all\n' if m.role == 'assistant' }}{{ m.content }}{% endif %}" +
    `{% if m.tool_calls %}${each(">>>{{ c.function.name }}\n{{ c.function.arguments }}")}{% endif %}<|eot_id|>{% endfor %}` +
    "{% if add_generation_prompt %}<|h|>assistant\n>>>{% endif %}",
  deepseek: turns(
    `<｜tool▁calls▁begin｜>${each(`{{ '\n' if not loop.first }}<｜tool▁call▁begin｜>function<｜tool▁sep｜>${name}\n\`\`\`json\n${args}\n\`\`\`<｜tool▁call▁end｜>`)}<｜tool▁calls▁end｜>`,
    { end: "<｜end▁of▁sentence｜>", prompt: "<think>\n" },
  ).replace("TOOLS {{ tools | tojson }}", ""),
  granite: turns("", { end: "<|end_of_text|>" }).replace("TOOLS", "Answer with <|tool_call|> and a list."),
  "phi-4-mini":
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}" +
    "{% if message.role == 'system' and message.tools %}<|tool|>{{ message['tools'] }}<|/tool|>{% endif %}<|end|>{% endfor %}" +
    "{% if add_generation_prompt %}<|assistant|>{% endif %}",
  lfm2: turns("").replace("TOOLS", "<|tool_list_start|>"),
  firefunction: turns(` functools[${list(`{"name": "${name}", "arguments": ${args}}`)}]`, { end: "<|eot_id|>" }),
  "command-r7b": turns(
    `<|START_ACTION|>[\n${each(`{{ ',\n' if not loop.first }}    {"tool_call_id": "{{ loop.index0 }}", "tool_name": "${name}", "parameters": ${args}}`)}\n]<|END_ACTION|>`,
    { end: "<|END_OF_TURN_TOKEN|>" },
  ),
  glm: turns(
    each(
      `{{ '\n' }}<tool_call>${name}\n${pairs(`<arg_key>{{ k }}</arg_key>\n<arg_value>${plain}</arg_value>\n`)}</tool_call>`,
    ),
  ),
};

/** The special tokens of the model, where the tokenizer's matter. */
export const SPECIALS: Readonly<Record<string, readonly string[]>> = {
  lfm2: ["<|tool_call_start|>", "<|tool_call_end|>"],
  mistral: ["[TOOL_CALLS]", "</s>"],
  "mistral-args": ["[TOOL_CALLS]", "[CALL_ID]", "[ARGS]", "</s>"],
  deepseek: [
    "<｜tool▁calls▁begin｜>",
    "<｜tool▁call▁begin｜>",
    "<｜tool▁sep｜>",
    "<｜tool▁call▁end｜>",
    "<｜tool▁calls▁end｜>",
  ],
};

export const STOPS = [
  "<|im_end|>",
  "</s>",
  "<|eot_id|>",
  "<|eom_id|>",
  "<｜end▁of▁sentence｜>",
  "<|end_of_text|>",
  "<|end|>",
  "<|END_OF_TURN_TOKEN|>",
];
