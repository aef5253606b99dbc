/** Interfaces of the web platform, filled where the browser has none or says that its own is unavailable. */
import { defineProperty } from "@nomoat/runtime/contract";

type Own = { availability?(options?: object): Promise<string> } | undefined;

/**
 * `define`: gives the classes by name, made when they are needed. `options`: for which the browser's own is asked. A class
 * of the browser's that works, or of somebody else, is left alone.
 */
export function fillInterface(
  target: Window,
  name: string,
  define: () => Readonly<Record<string, unknown>>,
  options?: object,
): void {
  const names = target as unknown as Record<string, Own>;
  const own = names[name];
  const fill = (): void => {
    // Somebody else's, of a page or another extension, is not ours to replace either.
    if (names[name] !== own) return;
    for (const [each, value] of Object.entries(define()))
      defineProperty(target, each, { value, writable: true, configurable: true });
  };
  if (own === undefined) {
    fill();
    return;
  }
  // The browser's own is asked, and its "unavailable" is the only answer on which it is replaced. What it says of a
  // document that has just begun may get lost, so a loaded one is asked again.
  const askOwn = (): void => {
    own.availability?.(options).then(
      (answer) => {
        if (answer === "unavailable") fill();
      },
      () => undefined,
    );
  };
  askOwn();
  target.addEventListener("load", askOwn, { once: true });
}
