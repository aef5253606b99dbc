/** Staging buffers that results are copied into and read from, reused in turn. */
import { LlmError } from "../../internal/errors";
import type { ReadbackPool, Staging } from "../executor";
import type { Device } from "./device";
import { BUFFER_USAGE, MAP_READ_MODE } from "./gpu_flags";

class StagingBuffer implements Staging {
  constructor(
    readonly buffer: GPUBuffer,
    readonly nbytes: number,
  ) {}
}

/** The GPU buffer behind a pool's staging memory. */
export function stagingBuffer(staging: Staging): GPUBuffer {
  if (staging instanceof StagingBuffer) return staging.buffer;
  throw new LlmError("internal", "Staging memory of another device cannot be copied to.");
}

export class StagingPool implements ReadbackPool {
  private readonly free: Staging[] = [];

  constructor(
    private readonly device: Device,
    private readonly bytes: number,
  ) {}

  async take(): Promise<Staging> {
    const usage = BUFFER_USAGE.MAP_READ | BUFFER_USAGE.COPY_DST;
    const known = this.free.pop();
    if (known) return known;
    const buffer = await this.device.create("a read-back buffer", () =>
      this.device.gpu.createBuffer({ size: this.bytes, usage }),
    );
    return new StagingBuffer(buffer, this.bytes);
  }

  give(staging: Staging): void {
    this.free.push(staging);
  }

  async read(staging: Staging): Promise<ArrayBuffer> {
    const buffer = stagingBuffer(staging);
    try {
      await this.device.guard(buffer.mapAsync(MAP_READ_MODE));
      const bytes = buffer.getMappedRange().slice(0);
      buffer.unmap();
      this.free.push(staging);
      return bytes;
    } catch (thrown) {
      buffer.destroy();
      throw thrown;
    }
  }

  destroy(): void {
    for (const staging of this.free) stagingBuffer(staging).destroy();
    this.free.length = 0;
  }
}
