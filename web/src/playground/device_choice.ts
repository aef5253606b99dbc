/** Where this page's engine runs a model: the user's choice, kept for the next visit. It counts from the next load on. */
import type { LoadOptions } from "@nomoat/runtime";
import { element } from "../elements";

export type DeviceChoice = NonNullable<LoadOptions["device"]>;

export interface DeviceChoiceField {
  selected(): DeviceChoice;
  onChange(listener: () => void): void;
  enable(enabled: boolean): void;
}

const STORAGE_KEY = "nomoat.device";

export function startDeviceChoice(): DeviceChoiceField {
  const select = element<HTMLSelectElement>("device-select");
  const stored = localStorage.getItem(STORAGE_KEY);
  // What an older version of this page has stored may be no option any more.
  if ([...select.options].some(({ value }) => value === stored)) select.value = stored!;
  select.addEventListener("change", () => localStorage.setItem(STORAGE_KEY, select.value));
  return {
    selected: () => select.value as DeviceChoice,
    onChange: (listener) => select.addEventListener("change", listener),
    enable: (enabled) => {
      select.disabled = !enabled;
    },
  };
}
