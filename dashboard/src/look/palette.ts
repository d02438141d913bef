/* The two colours a picture lives by, and a whole look made of them, dark or light.

   The picture gives hue and chroma only; lightness is ours. So text stays readable, WCAG AA, on
   whatever a cover brings, and the page stays calm beside the loudest of them. */

import { contrast, readable, toHex, toLab, toRgb, type Lch, type Rgb } from "./colour.ts";

export interface Tint {
  /** Degrees. */
  readonly h: number;
  readonly c: number;
}

export interface Palette {
  /** What most of it is: the page's ground. */
  readonly main: Tint;
  /** What catches the eye in it: the page's accents. */
  readonly other: Tint;
}

/** The desk's own colours, where nothing plays. */
export const OWN: Palette = { main: { h: 215, c: 0.06 }, other: { h: 195, c: 0.1 } };

const BINS = 36;
const GREY = 0.025;
const COLOURLESS: Palette = { main: { h: 260, c: 0.006 }, other: { h: 80, c: 0.01 } };

/** Find the two hues of a picture; `pixels` as a canvas gives them, four bytes each. */
export function paletteOf(pixels: Uint8ClampedArray): Palette {
  const bins = Array.from({ length: BINS }, () => ({ area: 0, vivid: 0, a: 0, b: 0 }));
  let seen = 0;
  for (let i = 0; i + 3 < pixels.length; i += 4) {
    if ((pixels[i + 3] ?? 0) < 128) continue;
    const channel = (offset: number): number => (pixels[i + offset] ?? 0) / 255;
    const { l, a, b } = toLab({ r: channel(0), g: channel(1), b: channel(2) });
    const c = Math.hypot(a, b);
    const bin = bins[Math.floor((hueOf(a, b) / 360) * BINS) % BINS];
    seen += 1;
    if (!bin || c < GREY) continue;
    const vivid = c * c * Math.max(0.15, 1 - Math.abs(l - 0.65) * 1.5);
    bin.area += c;
    bin.vivid += vivid;
    bin.a += a * vivid;
    bin.b += b * vivid;
  }
  const all = bins.map((_, index) => ({
    index,
    area: around(bins, index, (near) => near.area),
    vivid: around(bins, index, (near) => near.vivid),
    tint: tintOf({
      vivid: around(bins, index, (near) => near.vivid),
      a: around(bins, index, (near) => near.a),
      b: around(bins, index, (near) => near.b),
    }),
  }));
  const [first] = all.toSorted((one, other) => other.area - one.area);
  if (!first || first.area < seen * GREY * 0.2) return COLOURLESS;
  const others = all.filter((bin) => apart(bin.index, first.index) >= 4 && bin.vivid > first.vivid * 0.06);
  const [second] = others.toSorted((one, other) => other.vivid - one.vivid);
  const main = first.tint;
  return { main, other: second?.tint ?? { h: (main.h + 30) % 360, c: main.c } };
}

/** A look of its own for what has no picture: the same words always give the same. */
export function paletteFor(words: string): Palette {
  let hash = 2166136261;
  for (const letter of words) hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 16777619) >>> 0;
  const h = hash % 360;
  return { main: { h, c: 0.08 }, other: { h: (h + 50 + ((hash >>> 9) % 90)) % 360, c: 0.11 } };
}

/** The names of the custom properties that `theme.css` uses. */
export type Look = Readonly<Record<
  | "ground" | "glow-one" | "glow-two" | "surface" | "raised" | "line"
  | "ink" | "soft" | "accent" | "accent-ink" | "second"
  | "second-ink" | "track" | "edge-line" | "good" | "warning" | "alarm" | "alarm-ink",
  string
>>;

export function lookOf({ main, other }: Palette, dark: boolean): Look {
  const quiet = (tint: Tint, most: number): number => Math.min(tint.c, most);
  const make = (l: number, tint: Tint, most: number): Lch => ({ l, c: quiet(tint, most), h: tint.h });
  const [lead, second] = other.c >= main.c * 0.6 ? [lively(other), main] : [lively(main), other];
  const ground = toRgb(dark ? make(0.19, main, 0.026) : make(0.965, main, 0.012));
  const surface = toRgb(dark ? make(0.235, main, 0.03) : make(0.992, main, 0.006));
  const raised = toRgb(dark ? make(0.305, main, 0.038) : make(0.925, main, 0.022));
  const glowOne = toRgb(dark ? make(0.35, main, 0.09) : make(0.89, main, 0.065));
  const glowTwo = toRgb(dark ? make(0.31, other, 0.07) : make(0.915, other, 0.055));
  const grounds = [ground, surface, raised, glowOne, glowTwo];
  const on = (colour: Lch, ratio: number): Rgb => {
    const worst = grounds.toSorted((x, y) => contrast(toRgb(colour), x) - contrast(toRgb(colour), y));
    return readable(colour, worst[0] ?? ground, ratio, dark);
  };
  const ink = on(dark ? make(0.965, main, 0.01) : make(0.22, main, 0.03), 7);
  const soft = on(dark ? make(0.78, main, 0.025) : make(0.46, main, 0.04), 4.6);
  const accent = on(dark ? make(0.82, lead, 0.135) : make(0.5, lead, 0.15), 4.6);
  const secondLine = on(dark ? make(0.72, lively(second), 0.12) : make(0.55, second, 0.13), 3.2);
  const accentInk = readable(
    dark ? make(0.22, lead, 0.05) : make(0.985, lead, 0.01), accent, 4.6, !dark,
  );
  const line = toRgb(dark ? make(0.34, main, 0.03) : make(0.88, main, 0.02));
  const secondInk = on(dark ? make(0.8, lively(second), 0.12) : make(0.5, second, 0.13), 4.6);
  const track = toRgb(dark ? make(0.38, main, 0.04) : make(0.84, main, 0.03));
  const edge = on(dark ? make(0.5, main, 0.03) : make(0.62, main, 0.03), 3.1);
  const good = on({ l: dark ? 0.8 : 0.58, c: 0.16, h: 150 }, 3.1);
  const warning = on({ l: dark ? 0.8 : 0.6, c: 0.15, h: 75 }, 3.1);
  const alarm = on({ l: dark ? 0.7 : 0.55, c: 0.18, h: 25 }, 3.1);
  const alarmInk = on({ l: dark ? 0.78 : 0.48, c: 0.14, h: 25 }, 4.6);
  const look = {
    ground, surface, raised, line, ink, soft, accent, second: secondLine, good, warning, alarm,
    track, "second-ink": secondInk, "edge-line": edge, "alarm-ink": alarmInk, "glow-one": glowOne, "glow-two": glowTwo, "accent-ink": accentInk,
  };
  return Object.fromEntries(Object.entries(look).map(([name, rgb]) => [name, toHex(rgb)])) as Look;
}

interface Bin {
  readonly area: number;
  readonly vivid: number;
  readonly a: number;
  readonly b: number;
}

const tintOf = ({ vivid, a, b }: Omit<Bin, "area">): Tint => ({
  h: hueOf(a, b),
  c: vivid > 0 ? Math.hypot(a, b) / vivid : 0,
});

/** A colour that is one at all may be told from grey. */
const lively = ({ h, c }: Tint): Tint => ({ h, c: c < GREY ? c : Math.max(c, 0.085) });

const hueOf = (a: number, b: number): number => ((Math.atan2(b, a) * 180) / Math.PI + 360) % 360;

function around(bins: readonly Bin[], index: number, weigh: (bin: Bin) => number): number {
  const near = [-1, 0, 1].map((step) => bins[(index + step + BINS) % BINS]);
  return near.reduce((sum, bin) => sum + (bin ? weigh(bin) : 0), 0);
}

const apart = (one: number, other: number): number => {
  const distance = Math.abs(one - other);
  return Math.min(distance, BINS - distance);
};
