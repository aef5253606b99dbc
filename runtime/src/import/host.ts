/**
 * What the importer takes from the engine that loads it. Handed over and not imported: a module that the importer
 * imported too would be cut out of the engine's own file, and every page would download the pieces.
 */
import type { parseProgram } from "../device/program_reader";
import type { HASHES } from "../storage/install";
import type { createTextModel, prepareTextModel } from "../text/index";

export interface Host {
  readonly parseProgram: typeof parseProgram;
  readonly createTextModel: typeof createTextModel;
  readonly prepareTextModel: typeof prepareTextModel;
  readonly digestHex: (typeof HASHES)["digestHex"];
  readonly Digest: (typeof HASHES)["Digest"];
}

/** Of a Host what the store has. */
export type Loaders = Omit<Host, keyof typeof HASHES>;
