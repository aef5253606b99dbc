/** Picking and loading a model: the list of the server, its facts, the progress of the load. */
import { LlmError, type Model, type Progress } from "@nomoat/runtime";
import { element } from "../elements";
import { dropEngine, loadedModel, loadModel } from "../providers/page_engine";
import { fetchRegistry, type RegistryModel } from "../providers/registry";
import { formatDevice } from "../text/device";
import { formatBytes, formatCount, formatMilliseconds } from "../text/quantities";
import type { DeviceChoiceField } from "./device_choice";
import { clearError, showError } from "./error_box";
import { SpeedMeter } from "./speed_meter";

export interface ModelPanel {
  listModels(): Promise<void>;
  /** The loaded model; loads the selected one first where that is needed. Rejects with what went wrong. */
  ready(): Promise<Model>;
  /** Shows or hides the panel after the engine switch moved. */
  refresh(): void;
  /** Forgets the engine after an error that it does not survive. */
  reset(): Promise<void>;
}

const PHASES: Record<Progress["phase"], string> = {
  download: "Downloading",
  load: "Into memory",
  compile: "Compiling kernels",
};

interface ModelPanelParts {
  readonly visible: () => boolean;
  readonly deviceChoice: DeviceChoiceField;
}

export function startModelPanel({ visible, deviceChoice }: ModelPanelParts): ModelPanel {
  const select = element<HTMLSelectElement>("model-select");
  const button = element<HTMLButtonElement>("model-load");
  const load = element("load");
  const progress = element<HTMLProgressElement>("load-progress");
  const status = element("load-status");
  let models: readonly RegistryModel[] = [];
  let loading:
    | { readonly url: string; readonly controller: AbortController; readonly done: Promise<Model> }
    | undefined;

  const selected = (): RegistryModel | undefined => models[select.selectedIndex];
  /** The loaded model, if it is the one that the user has selected, on the device that the user has selected. */
  const current = (): Model | undefined => {
    const there = loadedModel();
    const isCurrent = there?.url === selected()?.url && there?.device === deviceChoice.selected();
    return isCurrent ? there?.model : undefined;
  };

  const refresh = (): void => {
    element("model-select").closest<HTMLElement>(".panel")!.hidden = !visible();
    showFacts(selected());
    showDevice(visible() ? loadedModel()?.model : undefined, visible());
    const isLoaded = current() !== undefined;
    button.textContent = loading ? "Cancel" : isLoaded ? "Loaded" : "Load model";
    button.disabled = !loading && (isLoaded || selected() === undefined);
    select.disabled = loading !== undefined;
    deviceChoice.enable(loading === undefined);
  };

  const start = (): Promise<Model> => {
    const model = selected();
    if (model === undefined) {
      const message = "This server offers no model. Start it with: nomoat serve PACKAGE_FOLDER";
      return Promise.reject(new LlmError("model_not_found", message));
    }
    if (loading?.url === model.url) return loading.done;
    clearError();
    const controller = new AbortController();
    const meter = new SpeedMeter();
    const onProgress = ({ phase, loaded, total }: Progress): void => {
      load.dataset.state = phase;
      progress.value = total > 0 ? loaded / total : 0;
      const amount = phase === "compile" ? `${loaded} of ${total}` : `${formatBytes(loaded)} of ${formatBytes(total)}`;
      const bytesPerS = phase === "compile" ? undefined : meter.bytesPerS(phase, loaded);
      status.textContent = `${PHASES[phase]} · ${amount}${bytesPerS ? ` · ${formatBytes(bytesPerS)}/s` : ""}`;
    };
    load.dataset.state = "starting";
    progress.removeAttribute("value");
    status.textContent = "Starting the engine";
    const options = { device: deviceChoice.selected(), onProgress, signal: controller.signal };
    const done = loadModel(model.url, options).then(
      (ready) => {
        load.dataset.state = "ready";
        const embeds = ready.task === "embed" ? ". It embeds texts and does not chat: call embed." : "";
        status.textContent = `Ready after ${formatMilliseconds(ready.loadMs)}${embeds}`;
        return ready;
      },
      (thrown: unknown) => {
        load.dataset.state = "error";
        status.textContent = controller.signal.aborted ? "Cancelled." : "The model is not loaded.";
        throw thrown;
      },
    );
    loading = { url: model.url, controller, done };
    refresh();
    const settled = (): void => {
      loading = undefined;
      refresh();
    };
    done.then(settled, settled);
    return done;
  };

  select.addEventListener("change", refresh);
  deviceChoice.onChange(refresh);
  button.addEventListener("click", () => {
    if (loading) loading.controller.abort();
    else
      start().catch((thrown: unknown) => {
        if (!(thrown instanceof Error && thrown.name === "AbortError")) showError(thrown);
      });
  });

  return {
    refresh,
    ready: async () => current() ?? start(),
    reset: async () => {
      await dropEngine();
      load.dataset.state = "idle";
      refresh();
    },
    listModels: async () => {
      models = await fetchRegistry();
      select.replaceChildren(
        ...models.map((model) => {
          const option = document.createElement("option");
          option.value = model.id;
          option.textContent = `${model.name} (${model.quantization})`;
          return option;
        }),
      );
      refresh();
    },
  };
}

function showFacts(model: RegistryModel | undefined): void {
  const facts: [string, string][] = model
    ? [
        ["Parameters", formatCount(model.parameter_count)],
        ["Download", formatBytes(model.bytes)],
        ["Quantization", model.quantization],
        ["Context", `${model.context_length} tokens`],
        ["License", model.license ?? "not stated"],
      ]
    : [["No model", "the server offers none"]];
  element("model-facts").replaceChildren(
    ...facts.flatMap(([name, value]) => {
      const term = document.createElement("dt");
      const description = document.createElement("dd");
      term.textContent = name;
      description.textContent = value;
      return [term, description];
    }),
  );
}

function showDevice(model: Model | undefined, pageAnswers: boolean): void {
  const footer = element("device-info");
  footer.dataset.state = model ? "loaded" : "none";
  if (model) footer.textContent = [formatDevice(model.device), model.device.doubts].filter(Boolean).join(" — ");
  else footer.textContent = pageAnswers ? "No model is loaded." : "The extension's engine answers.";
}
