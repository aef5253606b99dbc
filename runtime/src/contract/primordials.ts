/**
 * Built-ins captured before any page script could replace them.
 *
 * The main-world script of the extension shares its realm with the page, which may patch every prototype later. What
 * must keep working then (validation, settling promises, posting to the private port) uses these instead of methods.
 */

export const { apply, ownKeys } = Reflect;

/** A prototype method as a function whose first argument is the receiver. */
// biome-ignore lint/suspicious/noExplicitAny: the type of the receiver is carried over from the method itself
export function uncurried<T, A extends readonly any[], R>(
  method: (this: T, ...args: A) => R,
): (self: T, ...args: A) => R {
  return (self, ...args) => apply(method, self, args) as R;
}

/** The getter of an accessor property, as a function of its receiver. */
export function getterOf<T, R>(prototype: T, name: keyof T & string): (self: T) => R {
  const get = Object.getOwnPropertyDescriptor(prototype, name)?.get;
  if (!get) throw new TypeError(`${name} is not an accessor here.`);
  return (self) => apply(get, self, []) as R;
}

export const { create, defineProperty, freeze, getOwnPropertyDescriptor } = Object;
export const { isArray } = Array;
export const { isSafeInteger, isFinite: isFiniteNumber } = Number;
export const { stringify } = JSON;
export const charCodeAt = uncurried(String.prototype.charCodeAt);
export const sliceText = uncurried(String.prototype.slice);
