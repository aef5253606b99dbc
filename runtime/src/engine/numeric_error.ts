/** What ends a request whose numbers are NaN or infinite, with what to do about it. */
import type { DeviceFacts } from "../device/executor";
import { type ErrorDetail, LlmError } from "../internal/errors";

/** The message says that `what` ("The model's logits are") not finite numbers, and what follows from it (`after`). */
export function notFinite({ kind, adapter }: DeviceFacts, what: string, after: string, detail: ErrorDetail): LlmError {
  const advice =
    kind === "webgpu"
      ? `That is a fault of the GPU, of its driver or of the model: choose the device "wasm", the CPU.`
      : "That is a fault of the model: compile it again from a checkpoint that works elsewhere.";
  return new LlmError(
    "numeric_error",
    `${what} not finite numbers (NaN or infinity)${after}. They were computed on ${adapter}. ${advice}`,
    { device: kind, adapter, ...detail },
  );
}
