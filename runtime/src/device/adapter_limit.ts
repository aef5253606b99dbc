/** Bytes of what one request has beside the model, and of all adapters on a CPU together. */
export const MOST_ADAPTER_BYTES = 2 ** 29;
