// Proves by simulated machines that the number of threads settles on the best one, leaves it when a core becomes busy,
// returns when the core is free again, and does neither for noise. Needs nothing.
import { describe, expect, it } from "vitest";
import { ThreadChoice } from "../../../src/device/wasm/thread_choice";

/** Numbers in [0, 1) that are the same in every run (Numerical Recipes). */
function randoms(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Milliseconds of the token `token` on `threads` threads. */
type Machine = (threads: number, token: number) => number;
/** A token of 8 ms of work that memory limits to less than twice the speed. */
const quiet: Machine = (threads) => (threads === 1 ? 8 : 8 / (1 + 0.7 * Math.min(threads - 1, 3)));
/** Two threads share what is left of the second core: each barrier waits for a turn. */
const busy: Machine = (threads) => (threads === 1 ? 8.4 : 8.4 * (1 + 0.75 * threads));
const noisy = (machine: Machine, noise: number, seed = 1): Machine => {
  const random = randoms(seed);
  return (threads, token) => machine(threads, token) * (1 + noise * (2 * random() - 1));
};

function simulate(choice: ThreadChoice, machine: Machine, tokens: number, work: (token: number) => number = () => 100) {
  const used: number[] = [];
  let ms = 0;
  for (let token = 0; token < tokens; token++) {
    const threads = choice.next();
    expect(choice.next()).toBe(threads);
    const took = machine(threads, token);
    choice.record(threads, took, work(token));
    used.push(threads);
    ms += took;
  }
  const share = (threads: number, from = 0) =>
    used.slice(from).filter((each) => each === threads).length / (used.length - from);
  return { used, ms, share };
}

describe("ThreadChoice", () => {
  it.each([1, 2, 3, 4, 8])("uses the threads of a quiet machine of %d cores as far as they help", (max) => {
    const helpful = Math.min(max, 4);
    const choice = new ThreadChoice({ max });
    const { used, share } = simulate(choice, quiet, 400);
    expect(used[0]).toBe(max); // the first token is the one that is waited for
    expect(share(helpful, 20)).toBeGreaterThan(0.95);
  });

  it("stays at what was asked for", () => {
    for (const fixed of [1, 2, 7]) {
      const { share } = simulate(new ThreadChoice({ max: 8, fixed }), busy, 300);
      expect(share(fixed)).toBe(1);
    }
  });

  it.each([2, 4])(
    "settles at 1 of %d within ten tokens when a core becomes busy, and loses little afterwards",
    (max) => {
      for (let seed = 0; seed < 50; seed++) {
        const choice = new ThreadChoice({ max });
        simulate(choice, noisy(quiet, 0.1, seed), 100);
        const { used } = simulate(choice, noisy(busy, 0.1, seed), 10);
        expect(used.at(-1)).toBe(1);
        const { ms } = simulate(choice, noisy(busy, 0.1, seed), 600);
        expect(ms / (600 * 8.4)).toBeLessThan(1.1);
      }
    },
  );

  it("starts at 1 on a machine that is busy from the beginning", () => {
    for (let seed = 0; seed < 50; seed++) {
      const choice = new ThreadChoice({ max: 2 });
      const { used } = simulate(choice, noisy(busy, 0.1, seed), 10);
      expect(used.at(-1)).toBe(1);
      expect(simulate(choice, noisy(busy, 0.1, seed), 600).ms / (600 * 8.4)).toBeLessThan(1.1);
    }
  });

  it("returns to all threads when the core is free again", () => {
    for (const busyTokens of [20, 100, 1000, 5000]) {
      const choice = new ThreadChoice({ max: 2 });
      simulate(choice, noisy(quiet, 0.1), 50);
      simulate(choice, noisy(busy, 0.1), busyTokens);
      simulate(choice, noisy(quiet, 0.1), Math.min(600, busyTokens + 60));
      expect(simulate(choice, noisy(quiet, 0.1), 100).share(2)).toBeGreaterThan(0.95);
    }
  });

  it("does not flap for noise", () => {
    for (let seed = 0; seed < 50; seed++) {
      const { share } = simulate(new ThreadChoice({ max: 2 }), noisy(quiet, 0.2, seed), 1000);
      expect(share(2), `seed ${seed}`).toBeGreaterThan(0.96);
      const alone = simulate(new ThreadChoice({ max: 2 }), noisy(busy, 0.2, seed), 1000);
      expect(alone.share(1), `seed ${seed}`).toBeGreaterThan(0.96);
    }
  });

  it("is not misled by single slow tokens", () => {
    const choice = new ThreadChoice({ max: 2 });
    const pauses: Machine = (threads, token) => quiet(threads, token) * (token % 29 === 28 ? 6 : 1);
    expect(simulate(choice, pauses, 600).share(2, 10)).toBeGreaterThan(0.97);
  });

  it("takes a context that grows for what it is", () => {
    const choice = new ThreadChoice({ max: 2 });
    const work = (token: number) => 100 + token;
    const growing: Machine = (threads, token) => (quiet(threads, token) * work(token)) / 100;
    expect(simulate(choice, growing, 1000, work).share(2, 10)).toBeGreaterThan(0.98);
  });

  it("keeps all threads where the whole machine becomes slower", () => {
    const choice = new ThreadChoice({ max: 2 });
    simulate(choice, noisy(quiet, 0.1), 50);
    const throttled: Machine = (threads, token) => 2 * quiet(threads, token);
    expect(simulate(choice, noisy(throttled, 0.1), 600).share(2)).toBeGreaterThan(0.95);
  });
});
