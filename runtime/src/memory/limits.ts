/** How much a memory may hold; whoever opens one for others may allow less. */
export interface MemoryLimits {
  readonly records: number;
  /** Of its file. */
  readonly nbytes: number;
  /** Of one record's text and data together, as UTF-8. */
  readonly recordBytes: number;
}

export const MOST: MemoryLimits = { records: 200_000, nbytes: 2 ** 31, recordBytes: 64 * 1024 };
