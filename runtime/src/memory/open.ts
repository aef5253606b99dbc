/** The memories over an engine's models; what a worker fetches when it is first asked for one. */
import { Encoders, type LoadEncoder } from "./encoders";
import { Memories } from "./memories";

export function openMemories(load: LoadEncoder): Memories {
  return new Memories(new Encoders(load));
}
