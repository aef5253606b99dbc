/** The time limits of limits.json as vitest takes them; what they mean stands in limits.py. */
import declared from "./limits.json" with { type: "json" };

const factor = Number(process.env.NOMOAT_TEST_TIME_FACTOR ?? 1);
const waitMs = 1000 * factor * declared.wait_s;
const testMs = 1000 * factor * declared.process_s;

/** For a vitest.config.ts. A condition is waited for with `expect.poll`: `vi.waitFor` has a limit of its own, of a second. */
export const limits = {
  testTimeout: testMs,
  hookTimeout: testMs,
  teardownTimeout: waitMs,
  expect: { poll: { timeout: waitMs } },
};
