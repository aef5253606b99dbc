/**
 * What `work` resolves to, or null when that takes longer than `ms`. Errors: its own. After that what becomes of it is
 * for the caller to follow; a rejection is not reported as unhandled.
 */
export async function within<T extends object>(work: Promise<T>, ms: number): Promise<T | null> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
  }
}
