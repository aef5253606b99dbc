/** What the storage test asks of the store; the same in a page and in a worker. */
import { LlmError } from "../../../runtime/src/internal/errors";
import { openStore } from "../../../runtime/src/storage/index";

export interface Call {
  readonly method: "install" | "installed" | "weights" | "program" | "remove";
  readonly argument: string;
}

/** The result, or {error: code}. */
export async function answer({ method, argument }: Call): Promise<unknown> {
  try {
    const store = await openStore();
    if (store === null) return { error: "no store" };
    switch (method) {
      case "install":
        return (await store.install(argument)).id;
      case "installed":
        return (await store.installed()).map(({ manifest, state }) => [manifest.id, state]);
      case "remove":
        return (await store.remove(argument)) ?? null;
      case "program":
        return await (await store.open(argument)).program();
      case "weights": {
        const source = await store.open(argument);
        const sums: Record<string, number> = {};
        const sizes: Record<string, number> = {};
        await source.weights((name, offset, bytes) => {
          let sum = sums[name] ?? 0;
          // Depends on the place of every byte, and is easy to compute in Python too.
          for (let index = 0; index < bytes.length; index++) sum = (sum * 31 + bytes[index]!) % 1_000_003;
          sums[name] = sum;
          if (offset !== (sizes[name] ?? 0)) throw new Error(`${name} came out of order`);
          sizes[name] = offset + bytes.length;
        }, {});
        return { sums, sizes };
      }
    }
  } catch (error) {
    return { error: LlmError.from(error).code, message: LlmError.from(error).message };
  }
}
