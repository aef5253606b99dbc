/** Many vectors that are multiplied with one: what a device offers for searching by cosine. */

export interface VectorIndexOptions {
  /** Numbers of a vector. */
  readonly dimensions: number;
  readonly mostRows: number;
  /** Always so many threads. Default: by how much there is to multiply. */
  readonly threads?: number;
  /** Makes a helper thread, for tests. */
  readonly makeHelper?: () => Worker;
}

/** Rows (float16) by their number. What `products` gives is valid until the next call of any method. */
export interface VectorIndex {
  /** Makes room for so many rows. Errors: out_of_memory, with the index as it was. */
  reserve(rows: number): void;
  /** `numbers`: float16 bits. */
  write(row: number, numbers: Uint16Array): void;
  /** Writes the row `from` over `to`, and zeros over `from`. */
  move(from: number, to: number): void;
  /** float32 (rows): of `vector` with each of the first `rows` rows. Errors: internal where a kernel fails. */
  products(vector: Float32Array, rows: number): Promise<Float32Array>;
  /** Writes zeros over all of it. */
  destroy(): void;
}
