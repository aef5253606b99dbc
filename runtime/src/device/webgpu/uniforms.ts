/**
 * One uniform buffer for all steps of a program. Each distinct uniform struct has a slot at a fixed offset, so bind
 * groups never change; slots that depend on a symbol are rewritten only when the symbol changes.
 *
 * Slots of prefill that use n are apart from the same struct elsewhere (where n is 1), so that alternating prefill
 * and decode rewrites nothing but what prefill's own n asks for.
 */
import { evaluate, type Symbols, uses } from "../expression";
import type { Uniform } from "../program";
import { roundUp } from "./plan";

export interface Slot {
  /** Bytes from the start of the arena. */
  readonly offset: number;
  /** Bytes of the struct, a multiple of 16. */
  readonly size: number;
}
interface Entry extends Slot {
  readonly uniforms: readonly Uniform[];
  readonly ofPrefill: boolean;
  readonly usesPages: boolean;
}

export class UniformArena {
  private readonly slots = new Map<string, Entry>();
  private bytes = 0;
  private mirror = new DataView(new ArrayBuffer(0));
  private written: Symbols | null = null;

  /** `alignment`: the device's minUniformBufferOffsetAlignment. */
  constructor(private readonly alignment: number) {}

  /** The slot of a struct; `prefill`: whether n may differ from 1. */
  slotFor(uniforms: readonly Uniform[], prefill: boolean): Slot {
    const ofPrefill = prefill && uniforms.some(({ value }) => uses(value, "n"));
    const key = JSON.stringify([ofPrefill, uniforms.map(({ type, value }) => [type, value])]);
    const known = this.slots.get(key);
    if (known) return known;
    const usesPages = uniforms.some(({ value }) => uses(value, "kv_pages"));
    const slot = { offset: this.bytes, size: roundUp(uniforms.length * 4, 16), uniforms, ofPrefill, usesPages };
    this.slots.set(key, slot);
    this.bytes = roundUp(slot.offset + slot.size, this.alignment);
    return slot;
  }

  /** Bytes of the buffer that holds all slots. */
  get size(): number {
    return Math.max(this.bytes, 16);
  }

  /** Brings the buffer up to date: `symbols.n` is the n of the next prefill. Writes nothing when nothing changed. */
  update(symbols: Symbols, write: (offset: number, bytes: Uint8Array<ArrayBuffer>) => void): void {
    const { written } = this;
    if (written && written.n === symbols.n && written.kv_pages === symbols.kv_pages) return;
    if (!written) this.mirror = new DataView(new ArrayBuffer(this.size));
    let first = this.size;
    let last = 0;
    for (const slot of this.slots.values()) {
      const stale =
        !written ||
        (slot.ofPrefill && written.n !== symbols.n) ||
        (slot.usesPages && written.kv_pages !== symbols.kv_pages);
      if (!stale) continue;
      this.fill(slot, { n: slot.ofPrefill ? symbols.n! : 1, kv_pages: symbols.kv_pages! });
      first = Math.min(first, slot.offset);
      last = Math.max(last, slot.offset + slot.size);
    }
    this.written = symbols;
    if (first < last) write(first, new Uint8Array(this.mirror.buffer as ArrayBuffer, first, last - first));
  }

  private fill(slot: Entry, symbols: Symbols): void {
    slot.uniforms.forEach(({ type, value }, i) => {
      const number = evaluate(value, symbols);
      const at = slot.offset + i * 4;
      if (type === "f32") this.mirror.setFloat32(at, number, true);
      else if (type === "u32") this.mirror.setUint32(at, number, true);
      else this.mirror.setInt32(at, number, true);
    });
  }
}
