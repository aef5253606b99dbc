/** The package entry: all that pages, the extension and the playground may use. A test pins these names. */
export { createEngine, type EngineOptions } from "./api/engine";
export type {
  AdapterInfo,
  AdapterUse,
  DeviceInfo,
  DeviceKind,
  Embeddings,
  Engine,
  EngineGenerateOptions,
  FinishReason,
  GenerateOptions,
  Generation,
  InstalledModel,
  InstallOptions,
  LoadOptions,
  Message,
  Model,
  ModelInfo,
  ModelSource,
  ModelTask,
  Progress,
  Role,
  Usage,
} from "./api/types";
export { ERROR_CODES, type ErrorCode, type ErrorDetail, LlmError, type WireError } from "./internal/errors";
