/* Palette: the two colours of a cover, or of a text if there is no cover.

   A palette has hue and chroma only. The theme chooses the lightness, so that text stays readable. */

import { toLab } from "./colour.ts";

export interface Tint {
  /** Degrees. */
  readonly h: number;
  readonly c: number;
}

export interface Palette {
  /** The most frequent colour: for backgrounds. */
  readonly main: Tint;
  /** The most vivid other colour: for accents. */
  readonly other: Tint;
}

/** Colours of the page while nothing is playing. */
export const DEFAULT_PALETTE: Palette = { main: { h: 215, c: 0.06 }, other: { h: 195, c: 0.1 } };

/** Chroma below which a colour counts as grey. */
export const GREY = 0.025;
const BINS = 36;
const GREY_PALETTE: Palette = { main: { h: 260, c: 0.006 }, other: { h: 80, c: 0.01 } };

interface Bin {
  /** Sum of the chroma. */
  area: number;
  /** Sum of the weights, which are highest for vivid colours of medium lightness. */
  vivid: number;
  /** Weighted sums of the colour. */
  a: number;
  b: number;
}

/** Return the palette of a picture; `pixels` are four bytes each, as a canvas gives them. */
export function paletteOf(pixels: Uint8ClampedArray): Palette {
  const bins: Bin[] = Array.from({ length: BINS }, () => ({ area: 0, vivid: 0, a: 0, b: 0 }));
  let opaque = 0;
  for (let i = 0; i + 3 < pixels.length; i += 4) {
    if ((pixels[i + 3] ?? 0) < 128) continue;
    const channel = (offset: number): number => (pixels[i + offset] ?? 0) / 255;
    const { l, a, b } = toLab({ r: channel(0), g: channel(1), b: channel(2) });
    const c = Math.hypot(a, b);
    const bin = bins[Math.floor((hueOf(a, b) / 360) * BINS) % BINS];
    opaque += 1;
    if (!bin || c < GREY) continue;
    const vivid = c * c * Math.max(0.15, 1 - Math.abs(l - 0.65) * 1.5);
    bin.area += c;
    bin.vivid += vivid;
    bin.a += a * vivid;
    bin.b += b * vivid;
  }
  const smooth = bins.map((_, index) => ({
    index,
    area: sumAround(bins, index, (bin) => bin.area),
    vivid: sumAround(bins, index, (bin) => bin.vivid),
    a: sumAround(bins, index, (bin) => bin.a),
    b: sumAround(bins, index, (bin) => bin.b),
  }));
  const [first] = smooth.toSorted((one, other) => other.area - one.area);
  if (!first || first.area < opaque * GREY * 0.2) return GREY_PALETTE;
  const others = smooth.filter(
    (bin) => distance(bin.index, first.index) >= 4 && bin.vivid > first.vivid * 0.06,
  );
  const [second] = others.toSorted((one, other) => other.vivid - one.vivid);
  const main = tintOf(first);
  return { main, other: second ? tintOf(second) : { h: (main.h + 30) % 360, c: main.c } };
}

/** Return a palette for a text. The same text always has the same palette. */
export function paletteFor(text: string): Palette {
  let hash = 2166136261;
  for (const letter of text) hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 16777619) >>> 0;
  const h = hash % 360;
  return { main: { h, c: 0.08 }, other: { h: (h + 50 + ((hash >>> 9) % 90)) % 360, c: 0.11 } };
}

const tintOf = ({ vivid, a, b }: Omit<Bin, "area">): Tint => ({
  h: hueOf(a, b),
  c: vivid > 0 ? Math.hypot(a, b) / vivid : 0,
});

const hueOf = (a: number, b: number): number => ((Math.atan2(b, a) * 180) / Math.PI + 360) % 360;

function sumAround(bins: readonly Bin[], index: number, value: (bin: Bin) => number): number {
  const near = [-1, 0, 1].map((step) => bins[(index + step + BINS) % BINS]);
  return near.reduce((sum, bin) => sum + (bin ? value(bin) : 0), 0);
}

function distance(one: number, other: number): number {
  const difference = Math.abs(one - other);
  return Math.min(difference, BINS - difference);
}
