import { Wllama } from "./node_modules/wllama-3.8/esm/index.js";
import { engineOf } from "./wllama-3.js";

const WASM = new URL("./node_modules/wllama-3.8/esm/wasm/wllama.wasm", import.meta.url).href;

export const { load, generate } = engineOf(Wllama, WASM);
