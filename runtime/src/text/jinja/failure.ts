/** Why a template cannot be parsed or rendered; template.ts makes an LlmError of it. */
export class TemplateFailure extends Error {}

export function fail(message: string): never {
  throw new TemplateFailure(message);
}
