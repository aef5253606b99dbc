/** The kernel runner in a page that tests/parity/chromium_host.py serves and drives: bytes over HTTP, jobs as JSON. */
import { describe, openDevice, runJob } from "./kernels.js";

const opened = openDevice(navigator.gpu, { withheld: [], limits: {} });
// The error is reported by the first call that awaits the device.
opened.catch(() => {});

globalThis.kernelPage = {
  describe: async () => describe(await opened),
  run: async (job) => {
    const input = await (await fetch("input")).arrayBuffer();
    const outputs = await runJob(await opened, job, input);
    await fetch("output", { method: "POST", body: new Blob(outputs) });
  },
};
