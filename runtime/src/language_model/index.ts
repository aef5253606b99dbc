/** The entry `./language-model`: the browser's Prompt API over a port. A test pins these names. */
export { defineLanguageModel } from "./language_model";
export { documentFacts, type ModelSupply, modelPort } from "./model_port";
export type { Availability, CallHooks, LanguageModelPort, PageFacts, SessionMethod } from "./port";
