/** One process of the benchmark: node bench.mjs TASK.json LINES.jsonl. Its exit code is 1 where it could not go on. */
import { describeAdapter, openDawn } from "./dawn";
import { measureModel } from "./measure_model";
import { runCases } from "./parity";
import { Lines, readTask } from "./task";

const [taskPath, linesPath] = process.argv.slice(2);
if (!taskPath || !linesPath) throw new Error("usage: node bench.mjs TASK.json LINES.jsonl");
const task = readTask(taskPath);
const lines = new Lines(linesPath);
try {
  const gpu = openDawn(task.dawn, task.dawn_options);
  lines.write("device", await describeAdapter(gpu));
  if (task.task === "model") await measureModel(gpu, task, lines);
  if (task.task === "parity") await runCases(gpu, task.cases, lines);
} catch (thrown) {
  lines.write("failed", { what: task.task, message: thrown instanceof Error ? thrown.message : String(thrown) });
  process.exit(1);
}
// Dawn keeps Node alive.
process.exit(0);
