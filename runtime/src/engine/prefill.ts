/** Runs the part of a sequence that is known already: one chunk of `prefill`, sized by the session's pace. */

import type { ReadyStack } from "./adapter";
import type { Sequence } from "./kv_cache";
import type { Session } from "./session";

/**
 * Queues the next chunk of tokens[sequence.tokens.length : end]. The returned work rejects when the device fails. `reach`:
 * the length that the sequence was opened for.
 */
export async function prefillChunk(
  session: Session,
  sequence: Sequence,
  tokens: readonly number[],
  end: number,
  adapters: ReadyStack | null,
  reach = tokens.length,
): Promise<{ readonly work: Promise<void> } | "no_memory"> {
  const { executor, prefillPace } = session;
  const start = sequence.tokens.length;
  const n = Math.min(prefillPace.size, end - start);
  if (!(await session.reserve(sequence, start + n))) return "no_memory";
  await session.adapters.hold(adapters);
  const chunk = tokens.slice(start, start + n);
  session.bind(sequence);
  session.stateOwner = null;
  session.writeState(sequence, 0, start, 0, 0, reach);
  executor.write("prompt_ids", Int32Array.from(chunk));
  sequence.computed = start + n;
  const work = session.timed(prefillPace, n, () => {
    executor.run(["prefill"], n, [], adapters?.key);
    return executor.finished();
  });
  // Valid from here on for whatever is queued later.
  sequence.tokens.push(...chunk);
  return { work };
}
