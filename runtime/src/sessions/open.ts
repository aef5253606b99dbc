/** The sessions over an engine's models; what a worker fetches when it is first asked for one. */
import type { LoadedModel } from "../engine/loaded_model";
import { hostOf } from "./hosted_model";
import { Sessions } from "./sessions";

/** `current`: the model that is loaded; throws where none is. */
export function open(current: () => LoadedModel): Sessions {
  return new Sessions(() => hostOf(current()));
}
