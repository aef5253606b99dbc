/** The playground: a chat with a model that runs in this page, or behind window.llm where the extension is there. */
import { startChat } from "./chat";
import { startDeviceChoice } from "./device_choice";
import { startEngineSwitch } from "./engine_switch";
import { showError } from "./error_box";
import { startModelPanel } from "./model_panel";
import { startRecall } from "./recall";
import { startSettings } from "./settings";

const engineSwitch = startEngineSwitch();
const settings = startSettings();
const modelPanel = startModelPanel({
  visible: () => engineSwitch.selected() === "page",
  deviceChoice: startDeviceChoice(),
});
engineSwitch.onChange(() => modelPanel.refresh());
startChat({ engineSwitch, modelPanel, settings, recall: startRecall(engineSwitch) });
modelPanel.listModels().catch(showError);
