/** Who answers: this page's engine, or window.llm of the extension. */
import type { Availability } from "@nomoat/runtime";
import "../providers/window_llm";
import { element } from "../elements";

export type EngineChoice = "page" | "extension";

export interface EngineSwitch {
  selected(): EngineChoice;
  onChange(listener: () => void): void;
}

export function startEngineSwitch(): EngineSwitch {
  const page = element<HTMLInputElement>("engine-page");
  const extension = element<HTMLInputElement>("engine-extension");
  const hint = element("engine-hint");
  // Content scripts define window.llm before any script of the page, so one look is enough.
  const llm = window.llm;
  extension.disabled = llm === undefined;

  const describe = async (): Promise<void> => {
    if (llm === undefined) hint.textContent = "The NoMoat extension is not installed: window.llm is absent here.";
    else if (page.checked) hint.textContent = `The extension is there (window.llm ${llm.version}).`;
    else hint.textContent = AVAILABILITY[await llm.availability()];
  };
  for (const input of [page, extension]) input.addEventListener("change", () => void describe());
  void describe();

  return {
    selected: () => (extension.checked ? "extension" : "page"),
    onChange: (listener) => {
      for (const input of [page, extension]) input.addEventListener("change", listener);
    },
  };
}

const AVAILABILITY: Record<Availability, string> = {
  available: "The extension's model answers. It asks for your permission the first time.",
  downloadable: "The extension answers after you allow this site; it may need a model from its options page first.",
  downloading: "The extension is downloading its model.",
  unavailable: "The extension says that it cannot answer on this device.",
};
