/** The store in a worker, where files have synchronous access handles. */
import { answer, type Call } from "./calls";

self.onmessage = async ({ data }: MessageEvent<{ id: number; call: Call }>) => {
  postMessage({ id: data.id, result: await answer(data.call) });
};
