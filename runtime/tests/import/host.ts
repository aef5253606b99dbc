/** What the engine hands to the importer. */
import { parseProgram } from "../../src/device/program_reader";
import type { Host } from "../../src/import/host";
import { Digest, digestHex } from "../../src/storage/digest";
import { createTextModel, prepareTextModel } from "../../src/text/index";

export const HOST: Host = { parseProgram, createTextModel, prepareTextModel, digestHex, Digest };
