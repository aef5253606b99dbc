/** Chat templates that are hostile or broken end with a typed error, in bounded work. Equality with Jinja2 is tests/parity's. */
import { describe, expect, test } from "vitest";
import { LlmError } from "../../src/internal/errors";
import { ChatTemplate } from "../../src/text/template";

function failure(source: string): LlmError {
  try {
    new ChatTemplate(source, {}).render([{ role: "user", content: "hi" }]);
  } catch (error) {
    if (error instanceof LlmError) return error;
    throw error;
  }
  throw new Error(`${source.slice(0, 200)} was rendered`);
}

const DEEP = 20_000;

describe("hostile templates", () => {
  test.each([
    "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{% endfor %}{% endfor %}{% endfor %}",
    "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
    "{% set ns = namespace(x='ab') %}{% for i in range(99999) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
    "{% set ns = namespace(x='ab') %}{% for i in range(99999) %}{% set ns.x = ns.x ~ ns.x %}{{ ns.x }}{% endfor %}",
    "{% set ns = namespace(x=[1]) %}{% for i in range(99999) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
    "{% set ns = namespace(x=['a' * 1000]) %}{% for i in range(99999) %}{% set ns.x = [ns.x, ns.x] %}{{ ns.x }}{% endfor %}",
    "{{ 'a' * 10 ** 12 }}",
    "{{ [1] * 10 ** 12 }}",
    "{{ 10 ** 1000000000 }}",
    "{% set ns = namespace(n=3) %}{% for i in range(99999) %}{% set ns.n = ns.n * ns.n %}{% endfor %}",
    "{{ range(10 ** 18) }}",
    "{{ 'a'.center(10 ** 12) }}",
    "{{ '{:>1000000000000}'.format('a') }}",
    "{{ '%1000000000000d' % 1 }}",
    "{{ 1.5|round(10 ** 9) }}{{ '%.1000000f' % 1.5 }}",
    "{{ ('a' * 100000).replace('', 'b' * 100000) }}",
    "{{ ('b' * 100000).join('a' * 100000) }}",
    "{{ 'a\\n'|indent(10 ** 12) }}",
    "{{ [[1]]|tojson(indent=10 ** 12) }}",
    "{{ '\\t'.expandtabs(10 ** 12) }}",
    "{{ [1]|batch(10 ** 12, 0)|list }}",
    "{{ [1]|slice(10 ** 12)|list }}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
    "{% for x in [[1]] recursive %}{{ loop([[1]]) }}{% endfor %}",
    "{% set ns = namespace() %}{% set ns.me = [ns] %}{{ ns }}",
    `{{ ${"(".repeat(DEEP)}1${")".repeat(DEEP)} }}`,
    `{{ ${"not ".repeat(DEEP)}1 }}`,
    `${"{% if 1 %}".repeat(DEEP)}${"{% endif %}".repeat(DEEP)}`,
    `{{ ${"[".repeat(DEEP)}${"]".repeat(DEEP)} }}`,
    `{{ 1${" + 'a'".repeat(3)} }}`,
    "x".repeat(1_000_001),
    "{{ 'a' ",
    "{% raw %}",
    "{# ",
    "{{ ''.constructor.constructor('x')() }}",
    "{{ constructor() }}{{ messages.constructor() }}",
    "{{ messages.append(1) }}",
    "{{ messages[0].update({}) }}",
    "{% include 'x' %}",
  ])("%#", (source) => {
    expect(failure(source).code).toBe("invalid_package");
  });

  test("a refusal of the template is the caller's", () => {
    const error = failure("{{ raise_exception('Roles must alternate') }}");
    expect([error.code, error.message.includes("Roles must alternate")]).toEqual(["invalid_request", true]);
  });

  test("nothing of JavaScript can be reached or changed", () => {
    const source =
      "{{ constructor }}{{ messages.constructor }}{{ messages[0].__proto__ }}{{ messages[0]['constructor'] }}" +
      "{{ 'a'.__proto__ }}{{ namespace().constructor }}{{ (1).toString }}{{ loop }}{{ {}.hasOwnProperty }}" +
      "{% set ns = namespace(constructor=1) %}{{ ns.constructor }}{{ {'__proto__': 2}['__proto__'] }}";
    expect(new ChatTemplate(source, {}).render([{ role: "user", content: "hi" }])).toBe("12");
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test("a long conversation is well within the bounds", () => {
    const source = "{% for m in messages %}{{ m.role }}: {{ m.content|trim }}\n{% endfor %}";
    const messages = Array.from({ length: 1000 }, () => ({ role: "user", content: "word ".repeat(200) }));
    expect(new ChatTemplate(source, {}).render(messages)).toHaveLength(1000 * 1006);
  });
});
