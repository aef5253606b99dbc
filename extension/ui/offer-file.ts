/** Offers a file that the person chose to the offscreen document. */
import { FILE_CHANNEL, type FileMessage, isWanted } from "../protocol/file-channel";

/** Returns the key to ask for it. It is kept until it was asked for. */
export function offerFile(file: File): string {
  const key = crypto.randomUUID();
  const channel = new BroadcastChannel(FILE_CHANNEL);
  channel.onmessage = ({ data }) => {
    if (!isWanted(data) || data.want !== key) return;
    channel.postMessage({ key, file } satisfies FileMessage);
    channel.close();
  };
  return key;
}
