/** WebGPU's flag values, which are globals in browsers and absent in Node. From the WebGPU specification. */
export const BUFFER_USAGE = { MAP_READ: 0x1, COPY_SRC: 0x4, COPY_DST: 0x8, UNIFORM: 0x40, STORAGE: 0x80 } as const;
export const MAP_READ_MODE = 0x1;
export const COMPUTE_STAGE = 0x4;
