/** The elements of a page by their data-testid: one name for the code and for the tests. */
export function element<T extends HTMLElement = HTMLElement>(testId: string): T {
  const found = document.querySelector<T>(`[data-testid="${testId}"]`);
  if (found === null) throw new Error(`The page has no element with data-testid="${testId}".`);
  return found;
}
