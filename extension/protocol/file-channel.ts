/**
 * Hands a file that a person chose from a page of the extension to the offscreen document. Ports carry JSON only; a
 * channel between documents of one origin carries the file itself, which is a reference and no copy.
 *
 * The offscreen document asks for a key, the page that has the file answers.
 */
export const FILE_CHANNEL = "nomoat-files";

export type FileMessage = { readonly want: string } | { readonly key: string; readonly file: File };

/** What makes a message one of ours: the channel is open to this origin alone. */
export function isWanted(message: unknown): message is { want: string } {
  return typeof Object(message).want === "string";
}
