/** Staging buffers that results are copied into and read from, reused in turn. */
import type { Device } from "./device";
import { BUFFER_USAGE, MAP_READ_MODE } from "./gpu_flags";

export class StagingPool {
  private readonly free: GPUBuffer[] = [];

  constructor(
    private readonly device: Device,
    private readonly bytes: number,
  ) {}

  /** A buffer to copy into. Give it back by `read`, or unused by `give`. Errors: out_of_memory. */
  async take(): Promise<GPUBuffer> {
    const usage = BUFFER_USAGE.MAP_READ | BUFFER_USAGE.COPY_DST;
    return (
      this.free.pop() ??
      this.device.create("a read-back buffer", () => this.device.gpu.createBuffer({ size: this.bytes, usage }))
    );
  }

  give(buffer: GPUBuffer): void {
    this.free.push(buffer);
  }

  /** Waits for the work that fills the buffer, returns a copy of its bytes and frees it. */
  async read(buffer: GPUBuffer): Promise<ArrayBuffer> {
    try {
      await this.device.guard(buffer.mapAsync(MAP_READ_MODE));
      const bytes = buffer.getMappedRange().slice(0);
      buffer.unmap();
      this.free.push(buffer);
      return bytes;
    } catch (thrown) {
      buffer.destroy();
      throw thrown;
    }
  }

  destroy(): void {
    for (const buffer of this.free) buffer.destroy();
    this.free.length = 0;
  }
}
