/** Gets the file that a page of the extension offers. */
import { LlmError } from "@nomoat/runtime";
import { FILE_CHANNEL, type FileMessage } from "../protocol/file-channel";

const WAIT_MS = 10_000;

/** Errors: invalid_request where no page answers, or where its file is none that can be read. */
export async function chosenFile(key: unknown): Promise<File> {
  if (typeof key !== "string") throw new LlmError("invalid_request", "Expected the key of a file.");
  const channel = new BroadcastChannel(FILE_CHANNEL);
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const file = await new Promise<unknown>((resolve, reject) => {
      channel.onmessage = ({ data }: MessageEvent<FileMessage>) => {
        if ("key" in data && data.key === key) resolve(data.file);
      };
      const closed = new LlmError("invalid_request", "The page with the file was closed. Choose the file again.");
      timer = setTimeout(() => reject(closed), WAIT_MS);
      channel.postMessage({ want: key } satisfies FileMessage);
    });
    if (!(file instanceof File) || !file.name.toLowerCase().endsWith(".gguf"))
      throw new LlmError("invalid_request", "Expected a file whose name ends in .gguf.");
    return file;
  } finally {
    clearTimeout(timer);
    channel.close();
  }
}
