/* Theme: all colours of the page, dark or light, from one palette. Text meets WCAG AA on any palette. */

import { contrast, readable, toHex, toRgb, type Lch, type Rgb } from "./colour.ts";
import { GREY, type Palette, type Tint } from "./palette.ts";

/** Names of the CSS custom properties that the components use. */
export type Theme = Readonly<Record<
  | "background" | "glow-one" | "glow-two" | "surface" | "raised" | "track" | "input-border"
  | "text" | "muted" | "accent" | "accent-text" | "second" | "second-text"
  | "success" | "warning" | "danger" | "danger-text",
  string
>>;

export function themeOf({ main, other }: Palette, dark: boolean): Theme {
  const make = (l: number, { h, c }: Tint, most: number): Lch => ({ l, c: Math.min(c, most), h });
  const [lead, second] = other.c >= main.c * 0.6 ? [vivid(other), main] : [vivid(main), other];
  const background = toRgb(dark ? make(0.19, main, 0.026) : make(0.965, main, 0.012));
  const surface = toRgb(dark ? make(0.235, main, 0.03) : make(0.992, main, 0.006));
  const raised = toRgb(dark ? make(0.305, main, 0.038) : make(0.925, main, 0.022));
  const glowOne = toRgb(dark ? make(0.35, main, 0.09) : make(0.89, main, 0.065));
  const glowTwo = toRgb(dark ? make(0.31, other, 0.07) : make(0.915, other, 0.055));
  const backgrounds = [background, surface, raised, glowOne, glowTwo];
  /* The colour with this contrast on the worst of all backgrounds. */
  const onAll = (colour: Lch, ratio: number): Rgb => {
    const rgb = toRgb(colour);
    const [worst] = backgrounds.toSorted((x, y) => contrast(rgb, x) - contrast(rgb, y));
    return readable(colour, worst ?? background, ratio, dark);
  };
  const accent = onAll(dark ? make(0.82, lead, 0.135) : make(0.5, lead, 0.15), 4.6);
  const accentText = dark ? make(0.22, lead, 0.05) : make(0.985, lead, 0.01);
  const colours: Record<keyof Theme, Rgb> = {
    background,
    surface,
    raised,
    "glow-one": glowOne,
    "glow-two": glowTwo,
    track: toRgb(dark ? make(0.38, main, 0.04) : make(0.84, main, 0.03)),
    "input-border": onAll(dark ? make(0.5, main, 0.03) : make(0.62, main, 0.03), 3.1),
    text: onAll(dark ? make(0.965, main, 0.01) : make(0.22, main, 0.03), 7),
    muted: onAll(dark ? make(0.78, main, 0.025) : make(0.46, main, 0.04), 4.6),
    accent,
    "accent-text": readable(accentText, accent, 4.6, !dark),
    second: onAll(dark ? make(0.72, vivid(second), 0.12) : make(0.55, second, 0.13), 3.2),
    "second-text": onAll(dark ? make(0.8, vivid(second), 0.12) : make(0.5, second, 0.13), 4.6),
    success: onAll({ l: dark ? 0.8 : 0.58, c: 0.16, h: 150 }, 3.1),
    warning: onAll({ l: dark ? 0.8 : 0.6, c: 0.15, h: 75 }, 3.1),
    danger: onAll({ l: dark ? 0.7 : 0.55, c: 0.18, h: 25 }, 3.1),
    "danger-text": onAll({ l: dark ? 0.78 : 0.48, c: 0.14, h: 25 }, 4.6),
  };
  return Object.fromEntries(Object.entries(colours).map(([name, rgb]) => [name, toHex(rgb)])) as Theme;
}

/** Raise the chroma of a colour that is not grey, so that it is clearly not grey. */
const vivid = ({ h, c }: Tint): Tint => ({ h, c: c < GREY ? c : Math.max(c, 0.085) });
