/** All measurements of one program, a line of the report for each; what fails or does not fit is a line too. */
import { LlmError } from "../../../../runtime/src/internal/errors";
import { compareVariants } from "./agreement";
import { WrongOutput } from "./checks";
import { measureDecode } from "./decode";
import { kernelTimes } from "./kernel_times";
import { loadModel, type Model } from "./model";
import { measurePrefill } from "./prefill";
import { type Lines, type ModelTask, rounded } from "./task";

const PROFILED = ["decode", "sample_greedy", "sample"];
/** Room for the tokens of the longest lap. */
const LAP = 64;

export async function measureModel(gpu: GPU, task: ModelTask, lines: Lines): Promise<void> {
  const model = await told(lines, "load", {}, () =>
    loadModel(gpu, task.program, task.variant, task.profile ? PROFILED : []),
  );
  if (!model) return;
  const { executor, program } = model;
  lines.write("model", {
    adapter: executor.adapter,
    software: executor.software,
    load_ms: Math.round(model.loadMs),
    weight_bytes: model.weightBytes,
    weight_bytes_per_token: executor.weightBytesPerToken,
    chosen: model.chosen,
  });
  await told(lines, "bandwidth", {}, async () => {
    lines.write("bandwidth", { gb_per_s: rounded(await executor.measureBandwidth()) });
  });
  // The last lap of a full context ends with it.
  const contexts = task.contexts.map((context) => Math.min(context, program.context_length - LAP));
  for (const context of contexts.sort((left, right) => left - right)) {
    const ready = await told(lines, "cache", { context }, async () => {
      await model.prepareCache(context + LAP);
      lines.write("agreement", { context, relative_error: await compareVariants(model, context) });
      return true;
    });
    for (const sampler of ready ? task.samplers : []) {
      await told(lines, "decode", { context, sampler }, async () =>
        lines.write("decode", await measureDecode(model, sampler, context, task.seconds)),
      );
    }
  }
  await told(lines, "prefill", {}, async () => {
    const tokens = Math.min(task.prefill_tokens, program.context_length - LAP);
    await model.prepareCache(tokens + 1);
    lines.write("prefill", await measurePrefill(model, tokens, task.seconds));
  });
  // Last, as it takes longest and matters least where time runs out.
  for (const context of task.profile ? contexts : []) {
    if (context + LAP <= executor.kvPages * program.page_size) await profile(model, context, lines);
  }
  executor.destroy();
}

async function profile(model: Model, context: number, lines: Lines): Promise<void> {
  for (const name of PROFILED) {
    await told(lines, "kernels", { context }, async () =>
      lines.write("kernels", { context, function: name, kernels: await kernelTimes(model, name, context) }),
    );
  }
}

/** Runs a measurement. What the device cannot do is a line "skipped", anything else that goes wrong a line "failed". */
async function told<T>(lines: Lines, what: string, where: object, run: () => Promise<T>): Promise<T | null> {
  try {
    return await run();
  } catch (thrown) {
    if (thrown instanceof WrongOutput)
      lines.write("failed", { what, ...where, code: "wrong_output", message: thrown.message });
    else {
      const { code, message } = LlmError.from(thrown);
      const kind = code === "unsupported_device" || code === "out_of_memory" ? "skipped" : "failed";
      lines.write(kind, { what, ...where, code, message });
    }
    return null;
  }
}
