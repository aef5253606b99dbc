// Proves that the scheduler shares turns fairly, admits by partition, keeps at most `depth` pieces in flight, makes
// room by preemption, and ends every task when the device fails. Needs nothing: the tasks here have no device.
import { describe, expect, it } from "vitest";
import { type Advance, Scheduler, type Task } from "../../src/engine/scheduler";
import { LlmError } from "../../src/internal/errors";

class Log {
  readonly lines: string[] = [];
  inFlight = 0;
  most = 0;
}

/** Does `pieces` pieces of work of a millisecond each. */
class FakeTask implements Task {
  over = false;
  error: LlmError | null = null;
  preemptions = 0;
  /** Answers in place of work, as long as it gives any. */
  blocked: () => Advance | null = () => null;

  constructor(
    readonly name: string,
    readonly partition: string,
    private left: number,
    private readonly log: Log,
  ) {}

  async advance(): Promise<Advance> {
    const blocked = this.blocked();
    if (blocked) return blocked;
    if (this.left === 0) return "waiting";
    this.left -= 1;
    this.log.lines.push(this.name);
    this.log.inFlight += 1;
    this.log.most = Math.max(this.log.most, this.log.inFlight);
    const last = this.left === 0;
    const work = new Promise<void>((resolve) => setTimeout(resolve, 1)).then(() => {
      this.log.inFlight -= 1;
      if (last) this.over = true;
    });
    return { work };
  }
  preempt(): void {
    this.preemptions += 1;
  }
  fail(error: LlmError): void {
    this.error = error;
    this.over = true;
  }
}

const allOver = async (tasks: readonly Task[]) => {
  for (let i = 0; i < 500 && !tasks.every((task) => task.over); i++)
    await new Promise((resolve) => setTimeout(resolve, 2));
  expect(tasks.every((task) => task.over)).toBe(true);
};

describe("Scheduler", () => {
  it("gives active tasks turns of one piece", async () => {
    const log = new Log();
    const scheduler = new Scheduler(() => 1);
    const tasks = ["a", "b", "c"].map((name) => new FakeTask(name, name, 4, log));
    for (const task of tasks) scheduler.add(task);
    await allOver(tasks);
    for (let round = 0; round < 4; round++)
      expect(log.lines.slice(3 * round, 3 * round + 3).sort()).toEqual(["a", "b", "c"]);
    expect(log.most).toBe(1);
  });

  it("keeps `depth` pieces in flight", async () => {
    const log = new Log();
    const scheduler = new Scheduler(() => 2);
    const task = new FakeTask("a", "", 10, log);
    scheduler.add(task);
    await allOver([task]);
    expect(log.most).toBe(2);
  });

  it("admits partitions in turn, so that one with many requests does not keep the others out", async () => {
    const log = new Log();
    const scheduler = new Scheduler(() => 1);
    const many = Array.from({ length: 20 }, (_, i) => new FakeTask(`many${i}`, "many", 2, log));
    const one = new FakeTask("one", "one", 2, log);
    for (const task of [...many, one]) scheduler.add(task);
    await allOver([...many, one]);
    expect(log.lines.indexOf("one")).toBeLessThan(12);
  });

  it("makes the last task give way when memory is short, and goes on with it later", async () => {
    const log = new Log();
    const scheduler = new Scheduler(() => 1);
    const [first, second] = [new FakeTask("first", "a", 6, log), new FakeTask("second", "b", 6, log)];
    first.blocked = () => (second.preemptions === 0 && log.lines.length > 4 ? "no_memory" : null);
    scheduler.add(first);
    scheduler.add(second);
    await allOver([first, second]);
    expect(second.preemptions).toBe(1);
    expect(first.preemptions).toBe(0);
    const rest = log.lines.slice(log.lines.indexOf("second") + 4);
    expect(rest.lastIndexOf("first")).toBeLessThan(rest.lastIndexOf("second"));
    expect([first.error, second.error]).toEqual([null, null]);
  });

  it("fails a task that lacks memory alone", async () => {
    const scheduler = new Scheduler(() => 2);
    const task = new FakeTask("a", "", 3, new Log());
    task.blocked = () => "no_memory";
    scheduler.add(task);
    await allOver([task]);
    expect(task.error).toMatchObject({ code: "out_of_memory" });
  });

  it("ends only the task that throws", async () => {
    const log = new Log();
    const scheduler = new Scheduler(() => 1);
    const [bad, good] = [new FakeTask("bad", "a", 3, log), new FakeTask("good", "b", 3, log)];
    bad.blocked = () => {
      throw new LlmError("out_of_memory", "x");
    };
    scheduler.add(bad);
    scheduler.add(good);
    await allOver([bad, good]);
    expect(bad.error).toMatchObject({ code: "out_of_memory" });
    expect(good.error).toBeNull();
  });

  it("does not hang on a task that never goes on", async () => {
    const scheduler = new Scheduler(() => 1);
    const task = new FakeTask("a", "", 3, new Log());
    task.blocked = () => "waiting";
    scheduler.add(task);
    await allOver([task]);
    expect(task.error).toMatchObject({ code: "internal" });
  });

  it("ends all tasks, waiting ones too, when it is stopped, and later ones at once", async () => {
    const log = new Log();
    const scheduler = new Scheduler(() => 1);
    const tasks = Array.from({ length: 8 }, (_, i) => new FakeTask(`${i}`, "", 100, log));
    for (const task of tasks) scheduler.add(task);
    await new Promise((resolve) => setTimeout(resolve, 10));
    const late = new FakeTask("late", "", 1, log);
    scheduler.stop(new LlmError("device_lost", "x"));
    scheduler.add(late);
    for (const task of [...tasks, late]) expect(task.error).toMatchObject({ code: "device_lost" });
  });

  it("takes tasks that are over already, and those after them", async () => {
    const log = new Log();
    const scheduler = new Scheduler(() => 1);
    const over = new FakeTask("over", "", 2, log);
    const task = new FakeTask("a", "", 2, log);
    over.over = true;
    scheduler.add(over);
    scheduler.add(task);
    await allOver([task]);
    expect(log.lines).toEqual(["a", "a"]);
  });

  it("gives its tasks up, preempted and in their order, when what is in flight has settled", async () => {
    const log = new Log();
    let failed = false;
    const scheduler = new Scheduler<FakeTask>(
      () => 2,
      () => failed,
    );
    const tasks = Array.from({ length: 7 }, (_, i) => new FakeTask(`${i}`, "", i === 1 ? 1 : 9, log));
    for (const task of tasks) scheduler.add(task);
    await allOver([tasks[1]!]);
    tasks[2]!.blocked = () => {
      failed = true;
      throw new LlmError("device_lost", "x");
    };
    while (!failed) await new Promise((resolve) => setTimeout(resolve, 1));
    const given = await scheduler.suspend();
    expect(log.inFlight).toBe(0);
    expect(given.map(({ name }) => name)).toEqual(["0", "2", "3", "4", "5", "6"]);
    expect(given.map(({ preemptions }) => preemptions)).toEqual(Array(6).fill(1));
    expect(tasks.every(({ error }) => error === null)).toBe(true);
    tasks[2]!.blocked = () => null;
    const next = new Scheduler(() => 2);
    for (const task of given) next.add(task);
    await allOver(tasks);
    expect(tasks.every(({ error }) => error === null)).toBe(true);
  });

  it("starts again after it had nothing to do", async () => {
    const log = new Log();
    const scheduler = new Scheduler(() => 1);
    for (const name of ["a", "b"]) {
      const task = new FakeTask(name, "", 2, log);
      scheduler.add(task);
      await allOver([task]);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(log.lines).toEqual(["a", "a", "b", "b"]);
  });
});
