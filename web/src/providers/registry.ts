/** The models that this page's server offers: GET /models. */
import { LlmError } from "@nomoat/runtime";

export interface RegistryModel {
  readonly id: string;
  readonly name: string;
  readonly architecture: string;
  readonly quantization: string;
  readonly bytes: number;
  readonly context_length: number;
  readonly parameter_count: number;
  readonly license: string | null;
  /** Ends in "/". */
  readonly url: string;
}

export async function fetchRegistry(): Promise<readonly RegistryModel[]> {
  let response: Response;
  try {
    response = await fetch(new URL("models", document.baseURI), { cache: "no-store" });
  } catch {
    throw new LlmError("network", "The server does not answer. Is `nomoat serve` still running?");
  }
  if (!response.ok) throw new LlmError("network", `The server answered /models with status ${response.status}.`);
  const body = (await response.json()) as { models: RegistryModel[] };
  return body.models;
}
