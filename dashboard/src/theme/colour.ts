/* Colour conversion from OKLCH to sRGB, and the contrast of two colours.

   Sources: Björn Ottosson, "A perceptual color space for image processing"; WCAG 2.2, relative
   luminance and contrast ratio. */

export interface Rgb {
  /** 0 to 1 each, gamma-encoded. */
  readonly r: number;
  readonly g: number;
  readonly b: number;
}

export interface Lab {
  readonly l: number;
  readonly a: number;
  readonly b: number;
}

export interface Lch {
  /** 0 black to 1 white. */
  readonly l: number;
  readonly c: number;
  /** Degrees. */
  readonly h: number;
}

const linear = (v: number): number => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
const encoded = (v: number): number => (v <= 0.0031308 ? v * 12.92 : 1.055 * v ** (1 / 2.4) - 0.055);

export function toLab({ r, g, b }: Rgb): Lab {
  const [R, G, B] = [linear(r), linear(g), linear(b)];
  const l = Math.cbrt(0.4122214708 * R + 0.5363325363 * G + 0.0514459929 * B);
  const m = Math.cbrt(0.2119034982 * R + 0.6806995451 * G + 0.1073969566 * B);
  const s = Math.cbrt(0.0883024619 * R + 0.2817188376 * G + 0.6299787005 * B);
  return {
    l: 0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    a: 1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    b: 0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  };
}

function fromLab({ l: L, a, b }: Lab): Rgb {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return {
    r: encoded(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    g: encoded(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    b: encoded(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  };
}

const inGamut = ({ r, g, b }: Rgb): boolean =>
  [r, g, b].every((channel) => channel >= -0.0005 && channel <= 1.0005);

/** Convert to sRGB. The chroma is reduced until the colour is in gamut. */
export function toRgb({ l, c, h }: Lch): Rgb {
  const [cos, sin] = [Math.cos((h * Math.PI) / 180), Math.sin((h * Math.PI) / 180)];
  let chroma = c;
  let rgb = fromLab({ l, a: chroma * cos, b: chroma * sin });
  for (let step = 0; step < 24 && !inGamut(rgb); step += 1) {
    chroma *= 0.9;
    rgb = fromLab({ l, a: chroma * cos, b: chroma * sin });
  }
  const clamp = (v: number): number => Math.min(1, Math.max(0, v));
  return { r: clamp(rgb.r), g: clamp(rgb.g), b: clamp(rgb.b) };
}

export function toHex(rgb: Rgb): string {
  const two = (v: number): string => Math.round(v * 255).toString(16).padStart(2, "0");
  return `#${two(rgb.r)}${two(rgb.g)}${two(rgb.b)}`;
}

/** Return the contrast ratio, 1 to 21. */
export function contrast(one: Rgb, other: Rgb): number {
  const [light, dark] = [luminance(one), luminance(other)].toSorted((x, y) => y - x);
  return ((light ?? 0) + 0.05) / ((dark ?? 0) + 0.05);
}

const luminance = ({ r, g, b }: Rgb): number =>
  0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);

/** Return the colour with its lightness moved away from `background` until the contrast is `ratio`. */
export function readable(colour: Lch, background: Rgb, ratio: number, lighter: boolean): Rgb {
  let { l } = colour;
  let rgb = toRgb(colour);
  while (contrast(rgb, background) < ratio && l > 0 && l < 1) {
    l = Math.min(1, Math.max(0, l + (lighter ? 0.01 : -0.01)));
    rgb = toRgb({ ...colour, l });
  }
  return rgb;
}
