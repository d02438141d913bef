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
  readonly main: Tint;
  readonly other: Tint;
}

/** The desk's own colours, where nothing plays. */
export const OWN: Palette = { main: { h: 205, c: 0.07 }, other: { h: 75, c: 0.06 } };

const BINS = 36;
const GREY = 0.025;

/** Find the two hues of a picture; `pixels` as a canvas gives them, four bytes each. */
export function paletteOf(pixels: Uint8ClampedArray): Palette {
  const bins = Array.from({ length: BINS }, () => ({ weight: 0, a: 0, b: 0 }));
  let [sum, count] = [0, 0];
  for (let i = 0; i + 3 < pixels.length; i += 4) {
    if ((pixels[i + 3] ?? 0) < 128) continue;
    const channel = (offset: number): number => (pixels[i + offset] ?? 0) / 255;
    const { l, a, b } = toLab({ r: channel(0), g: channel(1), b: channel(2) });
    const c = Math.hypot(a, b);
    sum += c;
    count += 1;
    const bin = bins[Math.floor((hueOf(a, b) / 360) * BINS) % BINS];
    const weight = c ** 1.5 * Math.max(0.1, 1 - Math.abs(l - 0.6) * 1.6);
    if (!bin || c < GREY) continue;
    bin.weight += weight;
    bin.a += a * weight;
    bin.b += b * weight;
  }
  const mean = count > 0 ? sum / count : 0;
  const strong = bins
    .map((bin, index) => ({ ...bin, index, around: around(bins, index) }))
    .filter((bin) => bin.weight > 0)
    .toSorted((one, other) => other.around - one.around);
  const [first] = strong;
  if (!first || mean < GREY / 2) return { main: { h: 80, c: 0.008 }, other: { h: 250, c: 0.012 } };
  const second = strong.find((bin) => apart(bin.index, first.index) >= 5 && bin.around > first.around * 0.08);
  const main = tintOf(first);
  return { main, other: second ? tintOf(second) : { h: (main.h + 40) % 360, c: main.c * 0.7 } };
}

/** A look of its own for what has no picture: the same words always give the same. */
export function paletteFor(words: string): Palette {
  let hash = 2166136261;
  for (const letter of words) hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 16777619) >>> 0;
  const h = hash % 360;
  return { main: { h, c: 0.09 }, other: { h: (h + 60 + ((hash >>> 9) % 60)) % 360, c: 0.07 } };
}

/** The names of the custom properties that `theme.css` uses. */
export type Look = Readonly<Record<
  | "ground" | "glow-one" | "glow-two" | "surface" | "raised" | "line"
  | "ink" | "soft" | "accent" | "accent-ink" | "second"
  | "second-ink" | "track" | "edge-line" | "warning" | "alarm" | "alarm-ink",
  string
>>;

export function lookOf({ main, other }: Palette, dark: boolean): Look {
  const quiet = (tint: Tint, most: number): number => Math.min(tint.c, most);
  const make = (l: number, tint: Tint, most: number): Lch => ({ l, c: quiet(tint, most), h: tint.h });
  const ground = toRgb(dark ? make(0.17, main, 0.022) : make(0.965, main, 0.012));
  const surface = toRgb(dark ? make(0.215, main, 0.026) : make(0.992, main, 0.006));
  const raised = toRgb(dark ? make(0.285, main, 0.034) : make(0.925, main, 0.022));
  const glowOne = toRgb(dark ? make(0.31, main, 0.085) : make(0.9, main, 0.06));
  const glowTwo = toRgb(dark ? make(0.26, other, 0.075) : make(0.925, other, 0.05));
  const grounds = [ground, surface, raised, glowOne, glowTwo];
  const on = (colour: Lch, ratio: number): Rgb => {
    const worst = grounds.toSorted((x, y) => contrast(toRgb(colour), x) - contrast(toRgb(colour), y));
    return readable(colour, worst[0] ?? ground, ratio, dark);
  };
  const ink = on(dark ? make(0.965, main, 0.01) : make(0.22, main, 0.03), 7);
  const soft = on(dark ? make(0.78, main, 0.025) : make(0.46, main, 0.04), 4.6);
  const accent = on(dark ? make(0.8, main, 0.135) : make(0.5, main, 0.15), 4.6);
  const second = on(dark ? make(0.76, other, 0.12) : make(0.52, other, 0.13), 3.2);
  const accentInk = readable(
    dark ? make(0.22, main, 0.05) : make(0.985, main, 0.01), accent, 4.6, !dark,
  );
  const line = toRgb(dark ? make(0.34, main, 0.03) : make(0.88, main, 0.02));
  const secondInk = on(dark ? make(0.8, other, 0.12) : make(0.5, other, 0.13), 4.6);
  const track = toRgb(dark ? make(0.38, main, 0.04) : make(0.84, main, 0.03));
  const edge = on(dark ? make(0.5, main, 0.03) : make(0.62, main, 0.03), 3.1);
  const warning = on({ l: dark ? 0.8 : 0.6, c: 0.15, h: 75 }, 3.1);
  const alarm = on({ l: dark ? 0.7 : 0.55, c: 0.18, h: 25 }, 3.1);
  const alarmInk = on({ l: dark ? 0.78 : 0.48, c: 0.14, h: 25 }, 4.6);
  const look = {
    ground, surface, raised, line, ink, soft, accent, second, warning, alarm,
    track, "second-ink": secondInk, "edge-line": edge, "alarm-ink": alarmInk, "glow-one": glowOne, "glow-two": glowTwo, "accent-ink": accentInk,
  };
  return Object.fromEntries(Object.entries(look).map(([name, rgb]) => [name, toHex(rgb)])) as Look;
}

interface Bin {
  readonly weight: number;
  readonly a: number;
  readonly b: number;
}

const tintOf = ({ weight, a, b }: Bin): Tint => ({
  h: hueOf(a, b),
  c: Math.hypot(a / weight, b / weight),
});

const hueOf = (a: number, b: number): number => ((Math.atan2(b, a) * 180) / Math.PI + 360) % 360;

const around = (bins: readonly Bin[], index: number): number =>
  [-1, 0, 1].reduce((sum, step) => sum + (bins[(index + step + BINS) % BINS]?.weight ?? 0), 0);

const apart = (one: number, other: number): number => {
  const distance = Math.abs(one - other);
  return Math.min(distance, BINS - distance);
};
