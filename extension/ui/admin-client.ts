/** The connection of an extension page to the offscreen document: snapshots come in, commands go out. */
import { LlmError, type Usage } from "@nomoat/runtime";
import {
  ADMIN_PORT,
  type AdminAnswer,
  type AdminMethod,
  type AdminMethods,
  type AdminRequest,
  type Snapshot,
} from "../protocol/admin-port";
import type { BackgroundMessage } from "../protocol/background";

interface Pending {
  text?: ((piece: string) => void) | undefined;
  resolve(value: unknown): void;
  reject(error: LlmError): void;
}

export interface Command<M extends AdminMethod> {
  readonly id: number;
  readonly result: Promise<AdminMethods[M]["result"]>;
}

export class AdminClient {
  readonly #onSnapshot: (snapshot: Snapshot) => void;
  readonly #pending = new Map<number, Pending>();
  #port: Promise<chrome.runtime.Port> | null = null;
  #lastId = 0;

  constructor(onSnapshot: (snapshot: Snapshot) => void) {
    this.#onSnapshot = onSnapshot;
    void this.#connected();
  }

  call<M extends Exclude<AdminMethod, "generate">>(
    method: M,
    params: AdminMethods[M]["params"],
  ): Promise<AdminMethods[M]["result"]> {
    return this.#send(method, params).result;
  }

  generate(
    params: AdminMethods["generate"]["params"],
    onText: (piece: string) => void,
  ): { stop: () => void; usage: Promise<Usage> } {
    const { id, result } = this.#send("generate", params, onText);
    return { usage: result, stop: () => void this.call("abort", { id }) };
  }

  #send<M extends AdminMethod>(
    method: M,
    params: AdminMethods[M]["params"],
    text?: (piece: string) => void,
  ): Command<M> {
    const id = ++this.#lastId;
    const result = new Promise<AdminMethods[M]["result"]>((resolve, reject) => {
      this.#pending.set(id, { text, resolve: resolve as (value: unknown) => void, reject });
      const request: AdminRequest<M> = { id, method, params };
      this.#connected().then(
        (port) => port.postMessage(request),
        (error) => this.#fail(id, LlmError.from(error)),
      );
    });
    return { id, result };
  }

  #connected(): Promise<chrome.runtime.Port> {
    this.#port ??= this.#connect();
    return this.#port;
  }

  async #connect(): Promise<chrome.runtime.Port> {
    const ensure: BackgroundMessage<"engine.ensure"> = { to: "background", method: "engine.ensure", params: {} };
    await chrome.runtime.sendMessage(ensure);
    const port = chrome.runtime.connect({ name: ADMIN_PORT });
    port.onMessage.addListener((answer: AdminAnswer) => this.#receive(answer));
    port.onDisconnect.addListener(() => {
      this.#port = null;
      for (const id of [...this.#pending.keys()])
        this.#fail(id, new LlmError("aborted", "The connection to the engine ended."));
    });
    return port;
  }

  #receive(answer: AdminAnswer): void {
    if ("snapshot" in answer) this.#onSnapshot(answer.snapshot);
    else if ("text" in answer) this.#pending.get(answer.id)?.text?.(answer.text);
    else if ("error" in answer) this.#fail(answer.id, LlmError.fromWire(answer.error));
    else {
      this.#pending.get(answer.id)?.resolve(answer.result);
      this.#pending.delete(answer.id);
    }
  }

  #fail(id: number, error: LlmError): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.reject(error);
  }
}
