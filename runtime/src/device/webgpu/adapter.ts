/** Which adapter WebGPU gives, asked before the code of the device is loaded. */

const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|basic render|\bwarp\b/i;

/** What `openDevice` would open; null where it would find no adapter. */
export async function findAdapter(gpu: GPU | undefined): Promise<{ readonly software: boolean } | null> {
  const adapter = await requestAdapter(gpu);
  return adapter && { software: isSoftware(adapter.info) };
}

export function requestAdapter(gpu: GPU | undefined): Promise<GPUAdapter | null> {
  return gpu?.requestAdapter({ powerPreference: "high-performance" }) ?? Promise.resolve(null);
}

export function isSoftware(info: GPUAdapterInfo): boolean {
  return (
    info.isFallbackAdapter === true ||
    SOFTWARE.test(`${info.vendor} ${info.architecture} ${info.description} ${info.device}`)
  );
}
