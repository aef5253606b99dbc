/** The bytes of a Float32Array (little-endian on every platform that has WebGPU) in base64. */
export async function float32ToBase64(values: Float32Array): Promise<string> {
  const blob = new Blob([values as Float32Array<ArrayBuffer>]);
  const url = await new Promise<string>((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error ?? new Error("FileReader failed"));
    reader.readAsDataURL(blob);
  });
  return url.slice(url.indexOf(",") + 1);
}
