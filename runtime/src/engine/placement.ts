/**
 * Which device a model is on: opens it, leaves it when it fails, and moves running requests to the CPU.
 *
 * Owns the session until `close`; the package source is the loaded model's. When the GPU is lost under a model whose
 * device was not named, running requests move to the CPU: the KV cache is rebuilt there from tokens, which the host
 * always has, and their text goes on where it was. Otherwise they end with a typed error. A request that finds the
 * model on no device opens one, loads the weights from storage again and runs its prompt from the start.
 */
import type { DeviceInfo, DeviceKind, Progress } from "../api/types";
import type { Executor } from "../device/executor";
import type { Devices } from "../device/open";
import type { Program } from "../device/program";
import { LlmError } from "../internal/errors";
import type { PackageSource } from "../storage/index";
import { devicesToTry, isOfDevice } from "./device_choice";
import { Scheduler } from "./scheduler";
import { Session, type SessionTask } from "./session";

/** Tokens that the KV cache has room for at first. */
const FIRST_TOKENS = 256;

interface Running {
  readonly executor: Executor;
  readonly session: Session;
  readonly scheduler: Scheduler<SessionTask>;
  /** Why the model is not on the device where it should be; null where it is. */
  readonly doubts: string | null;
}

export interface LoadHooks {
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

/** Of the device; checked by whoever reads them from a message. */
export interface DeviceSettings {
  readonly device: DeviceKind | "auto";
  /** Null: chosen by measurement. */
  readonly threads: number | null;
}
export interface LoadSettings extends LoadHooks, DeviceSettings {
  /** False: a model that only runs with GPU programs of its package is refused. Default true. */
  readonly ownPrograms?: boolean;
}

export class Placement {
  private opening: Promise<Running> | null = null;
  private running: Running | null = null;
  private readonly ending = new AbortController();
  /** wasm was tried in vain, so there is nothing that requests could move to. */
  private withoutWasm = false;
  private lastDevice: DeviceInfo | null = null;

  constructor(
    private readonly devices: Devices,
    private readonly settings: DeviceSettings,
    private readonly source: PackageSource,
    private readonly program: Program,
  ) {}

  /** Where the model is; while it is on none, where it was last. */
  get device(): DeviceInfo {
    if (this.running) this.lastDevice = deviceInfo(this.running);
    return this.lastDevice!;
  }

  /** Puts the model on a device. Errors: what kept the first device from it. */
  async open(hooks: LoadHooks): Promise<void> {
    await this.during(() => this.openDevice(hooks));
  }

  /** The executor of the device where the model is, opened where there is none. */
  async executor(): Promise<Executor> {
    return (await this.ready()).executor;
  }

  /** Starts a task in the session that runs, or in a new one. */
  async start<T extends SessionTask>(make: (session: Session) => T): Promise<T> {
    let running: Running;
    // The device may have failed while this waited.
    do running = await this.ready();
    while (running !== this.running || running.executor.failure);
    const task = make(running.session);
    running.scheduler.add(task);
    return task;
  }

  /** Frees what the device holds of an adapter. */
  forgetAdapter(serial: number): void {
    this.running?.session.adapters.forget(serial, this.running.scheduler.busy);
  }

  /** Ends running requests with `aborted` and frees the device's memory. */
  async close(): Promise<void> {
    this.ending.abort();
    this.stop(unloaded());
    await this.opening?.catch(() => undefined);
    this.stop(unloaded());
  }

  /** The running session; opened again if the device failed since. */
  private async ready(): Promise<Running> {
    if (this.ending.signal.aborted) throw new LlmError("invalid_request", "The model was unloaded. Load it again.");
    const failure = this.running?.executor.failure;
    if (failure) this.leave(this.running!, failure);
    return this.running ?? this.during(() => this.openDevice({}));
  }

  /** One opening at a time: whoever needs a device meanwhile waits for it. */
  private during(open: () => Promise<Running>): Promise<Running> {
    this.opening ??= open().then(
      (running) => {
        this.opening = null;
        this.running = running;
        return running;
      },
      (thrown) => {
        this.opening = null;
        throw thrown;
      },
    );
    return this.opening;
  }

  /** On the first device that can run the model. Errors: what kept the first one from it. */
  private async openDevice(hooks: LoadHooks): Promise<Running> {
    let first: LlmError | null = null;
    const kinds = await devicesToTry(this.settings.device, this.devices);
    for (const kind of kinds) {
      try {
        return await this.openOn(kind, hooks, first && instead(kinds[0]!, first));
      } catch (thrown) {
        if (!(thrown instanceof LlmError) || !isOfDevice(thrown)) throw thrown;
        if (kind === "wasm") this.withoutWasm = true;
        first ??= thrown;
      }
    }
    throw first!;
  }

  /** The device has failed: requests move on, or end. */
  private leave(running: Running, failure: LlmError): void {
    if (this.running !== running) return;
    if (!this.canMoveFrom(running) || !running.scheduler.busy) {
      this.stop(failure);
      return;
    }
    this.lastDevice = deviceInfo(running);
    this.running = null;
    // Those who wait for it get its failure; when nobody does, the tasks have been told.
    this.during(() => this.moveToCpu(running, failure)).catch(() => undefined);
  }

  private canMoveFrom({ executor }: Running): boolean {
    const { failure } = executor;
    const wanted = this.settings.device === "auto" && executor.kind === "webgpu" && !this.withoutWasm;
    return wanted && failure !== null && isOfDevice(failure);
  }

  private async moveToCpu({ scheduler, session }: Running, failure: LlmError): Promise<Running> {
    const tasks = await scheduler.suspend();
    session.destroy();
    try {
      const next = await this.openOn("wasm", {}, instead("webgpu", failure));
      for (const task of tasks) {
        task.moveTo(next.session);
        next.scheduler.add(task);
      }
      return next;
    } catch (thrown) {
      const error = this.ending.signal.aborted ? unloaded() : cannotMove(failure, LlmError.from(thrown));
      for (const task of tasks) task.fail(error);
      throw error;
    }
  }

  /** `doubts`: why the model is not where it should be. */
  private async openOn(kind: DeviceKind, { onProgress, signal }: LoadHooks, doubts: string | null): Promise<Running> {
    const { program, source } = this;
    const { threads } = this.settings;
    const stop = signal ? AbortSignal.any([signal, this.ending.signal]) : this.ending.signal;
    const executor = await this.devices.open(
      kind,
      program,
      {
        kernel: (hash) => source.text(`program/${hash}.wgsl`),
        weights: (sink, options) => source.weights(sink, options),
        derived: source.derived,
      },
      {
        signal: stop,
        ...(threads === null ? {} : { threads }),
        onLoad: (loaded, total) => onProgress?.({ phase: "load", loaded, total }),
        onCompile: (loaded, total) => onProgress?.({ phase: "compile", loaded, total }),
        firstPages: Math.ceil(Math.min(FIRST_TOKENS, program.context_length) / program.page_size),
      },
    );
    if (this.ending.signal.aborted) {
      executor.destroy();
      throw unloaded();
    }
    const session = new Session(executor);
    const scheduler = new Scheduler<SessionTask>(
      () => session.depth,
      () => this.canMoveFrom(running),
    );
    const running: Running = { executor, session, scheduler, doubts };
    void executor.failed.then((failure) => this.leave(running, failure));
    return running;
  }

  private stop(error: LlmError): void {
    const { running } = this;
    this.running = null;
    if (!running) return;
    this.lastDevice = deviceInfo(running);
    running.scheduler.stop(running.executor.failure ?? error);
    running.session.destroy();
  }
}

function deviceInfo({ executor, doubts }: Running): DeviceInfo {
  const { kind, adapter, software, threads, weightBytesPerToken } = executor;
  const sentences = [doubts, executor.doubts].filter((sentence) => sentence !== null);
  return {
    device: kind,
    adapter,
    software,
    threads,
    weightBytesPerToken,
    doubts: sentences.length > 0 ? sentences.join(" ") : null,
  };
}

function instead(kind: DeviceKind, error: LlmError): string {
  return `${kind === "webgpu" ? "WebGPU" : "WebAssembly"} is not used: ${error.message}`;
}

function unloaded(): LlmError {
  return new LlmError("aborted", "The model was unloaded.");
}

function cannotMove(failure: LlmError, error: LlmError): LlmError {
  return new LlmError(error.code, `The GPU failed, and the model cannot go on on the CPU: ${error.message}`, {
    ...error.detail,
    gpu_failure: failure.message,
  });
}
