/**
 * What the text part takes from the web platform and a bare V8 lacks: UTF-8 as the Encoding standard has it, base64,
 * and chance.
 */

class Encoder {
  encode(text: string): Uint8Array {
    const bytes: number[] = [];
    for (const character of text) {
      const point = character.codePointAt(0)!;
      const code = point >= 0xd800 && point < 0xe000 ? 0xfffd : point;
      if (code < 0x80) bytes.push(code);
      else {
        const more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
        bytes.push([0, 0xc0, 0xe0, 0xf0][more]! | (code >> (6 * more)));
        for (let at = more - 1; at >= 0; at--) bytes.push(0x80 | ((code >> (6 * at)) & 0x3f));
      }
    }
    return Uint8Array.from(bytes);
  }
}

/** Without a byte order mark's special meaning, as the text part asks for. */
class Decoder {
  private code = 0;
  private missing = 0;
  private low = 0x80;
  private high = 0xbf;
  private readonly isFatal: boolean;

  constructor(_label: string, options: { fatal?: boolean }) {
    this.isFatal = options.fatal === true;
  }

  decode(bytes: Uint8Array = new Uint8Array(), { stream = false } = {}): string {
    let text = "";
    const replace = (): void => {
      if (this.isFatal) throw new TypeError("The bytes are not UTF-8.");
      text += "\ufffd";
    };
    for (const byte of bytes) {
      if (this.missing > 0) {
        if (byte >= this.low && byte <= this.high) {
          [this.low, this.high] = [0x80, 0xbf];
          this.code = (this.code << 6) | (byte & 0x3f);
          if (--this.missing === 0) text += String.fromCodePoint(this.code);
          continue;
        }
        [this.low, this.high, this.missing] = [0x80, 0xbf, 0];
        replace();
      }
      if (byte < 0x80) text += String.fromCharCode(byte);
      else if (byte >= 0xc2 && byte <= 0xf4) {
        this.missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
        this.code = byte & (0x3f >> this.missing);
        this.low = byte === 0xe0 ? 0xa0 : byte === 0xf0 ? 0x90 : 0x80;
        this.high = byte === 0xed ? 0x9f : byte === 0xf4 ? 0x8f : 0xbf;
      } else replace();
    }
    if (!stream && this.missing > 0) {
      this.missing = 0;
      replace();
    }
    return text;
  }
}

// Only to tell placeholders apart from text that is known beforehand, so chance need not be unguessable here.
const chance = {
  getRandomValues: (bytes: Uint8Array) => bytes.map((_, at, all) => (all[at] = Math.floor(Math.random() * 256))),
};

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

function atob(encoded: string): string {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(encoded)) {
    throw new TypeError("The text is not base64.");
  }
  const digits = encoded.replace(/=/g, "");
  const parts: string[] = [];
  let bits = 0;
  let held = 0;
  for (const digit of digits) {
    bits = ((bits << 6) | DIGITS.indexOf(digit)) & 0xffff;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    parts.push(String.fromCharCode((bits >> held) & 255));
  }
  return parts.join("");
}

const missing = { TextEncoder: Encoder, TextDecoder: Decoder, crypto: chance, atob };
for (const [name, value] of Object.entries(missing)) {
  if (!(name in globalThis)) Object.assign(globalThis, { [name]: value });
}
