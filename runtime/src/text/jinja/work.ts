/**
 * What one rendering may cost. A template comes from a package, so it may loop for ever or double a string until
 * nothing is left: every step and every character that is made is charged here, before it is made.
 *
 * Rendering is synchronous, so one counter is enough. Work is counted and not timed, so that a template that renders
 * once renders everywhere.
 */
import { fail } from "./failure";

/** A step costs as much as this many characters. */
export const STEP = 16;
/** About a second; a conversation of a million characters in a thousand messages needs less than a tenth. */
const MAX_WORK = 150_000_000;
/** Characters of a string, items of a list. */
const MAX_LENGTH = 1 << 24;
let left = MAX_WORK;

export function beginWork(): void {
  left = MAX_WORK;
}

export function charge(units: number): void {
  left -= units;
  if (!(left >= 0)) fail("it does more work than a chat template may");
}

export function limitLength(length: number): void {
  if (!(length <= MAX_LENGTH)) fail(`it makes something longer than ${MAX_LENGTH}`);
}

/** Before something of this length is made. */
export function chargeLength(length: number): void {
  limitLength(length);
  charge(length);
}
