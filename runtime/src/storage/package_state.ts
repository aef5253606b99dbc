/**
 * What storage knows of one package beside its files: where it came from, how far its installation got, and which
 * files have been found to be right. Kept in state.json next to the files.
 */
import { ERROR_CODES, type WireError } from "../internal/errors";
import type { Folder } from "./folder";

export interface PackageState {
  readonly url: string;
  readonly state: "downloading" | "ready" | "error";
  /** Why the last installation ended, where state is "error". */
  readonly error: WireError | null;
  /** path → SHA-256 of files that are complete and were verified after they were written. */
  readonly verified: Readonly<Record<string, string>>;
}

const NAME = "state.json";

/** Null where there is none that can be read: everything is then verified anew. */
export async function readState(folder: Folder): Promise<PackageState | null> {
  const text = await folder.readText(NAME);
  if (text === null) return null;
  try {
    const value = JSON.parse(text) as Partial<PackageState> & { version?: unknown };
    const { url, state, error, verified } = value;
    if (value.version !== 1 || typeof url !== "string" || typeof verified !== "object" || verified === null)
      return null;
    if (state !== "downloading" && state !== "ready" && state !== "error") return null;
    const known = error && ERROR_CODES.includes(error.code) ? error : null;
    return { url, state, error: known, verified: Object.assign(Object.create(null), verified) };
  } catch {
    return null;
  }
}

export function writeState(folder: Folder, state: PackageState): Promise<void> {
  return folder.writeText(NAME, JSON.stringify({ version: 1, ...state }));
}
