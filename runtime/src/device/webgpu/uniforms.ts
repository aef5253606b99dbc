/**
 * One uniform buffer for all steps of a program. Each distinct uniform struct has a slot at a fixed offset, so bind
 * groups never change; slots that depend on n are rewritten only when n changes.
 *
 * Slots of prefill that use n are apart from the same struct elsewhere (where n is 1), so that alternating prefill
 * and decode rewrites nothing but what prefill's own n asks for.
 */

import { roundUp } from "../../internal/round_up";
import { evaluate, type Symbols, uses } from "../expression";
import type { Uniform } from "../kernel";

export interface Slot {
  /** Bytes from the start of the arena. */
  readonly offset: number;
  /** Bytes of the struct, a multiple of 16. */
  readonly size: number;
}
interface Entry extends Slot {
  readonly uniforms: readonly Uniform[];
  readonly ofPrefill: boolean;
}

export class UniformArena {
  private readonly slots = new Map<string, Entry>();
  private bytes = 0;
  private mirror = new DataView(new ArrayBuffer(0));
  /** The n that prefill's slots have. */
  private written: number | null = null;

  /** `alignment`: the device's minUniformBufferOffsetAlignment. */
  constructor(private readonly alignment: number) {}

  /** The slot of a struct; `prefill`: whether n may differ from 1. */
  slotFor(uniforms: readonly Uniform[], prefill: boolean): Slot {
    const ofPrefill = prefill && uniforms.some(({ value }) => uses(value, "n"));
    const key = JSON.stringify([ofPrefill, uniforms.map(({ type, value }) => [type, value])]);
    const known = this.slots.get(key);
    if (known) return known;
    const slot = { offset: this.bytes, size: roundUp(uniforms.length * 4, 16), uniforms, ofPrefill };
    this.slots.set(key, slot);
    this.bytes = roundUp(slot.offset + slot.size, this.alignment);
    return slot;
  }

  /** Bytes of the buffer that holds all slots. */
  get size(): number {
    return Math.max(this.bytes, 16);
  }

  /** Brings the buffer up to date: `n` is that of the next prefill. Writes nothing when nothing changed. */
  update(n: number, write: (offset: number, bytes: Uint8Array<ArrayBuffer>) => void): void {
    const { written } = this;
    if (written === n) return;
    if (written === null) this.mirror = new DataView(new ArrayBuffer(this.size));
    let first = this.size;
    let last = 0;
    for (const slot of this.slots.values()) {
      if (written !== null && !slot.ofPrefill) continue;
      this.fill(slot, slot.ofPrefill ? n : 1);
      first = Math.min(first, slot.offset);
      last = Math.max(last, slot.offset + slot.size);
    }
    this.written = n;
    if (first < last) write(first, new Uint8Array(this.mirror.buffer as ArrayBuffer, first, last - first));
  }

  private fill(slot: Entry, n: number): void {
    new Uint8Array(this.mirror.buffer).set(uniformBytes(slot.uniforms, { n }), slot.offset);
  }
}

/** The uniform struct: 4-byte members in order, padded to 16 bytes. */
export function uniformBytes(uniforms: readonly Uniform[], symbols: Symbols): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(roundUp(uniforms.length * 4, 16)));
  uniforms.forEach(({ type, value }, i) => {
    const number = evaluate(value, symbols);
    if (type === "f32") view.setFloat32(i * 4, number, true);
    else if (type === "u32") view.setUint32(i * 4, number, true);
    else view.setInt32(i * 4, number, true);
  });
  return new Uint8Array(view.buffer);
}
