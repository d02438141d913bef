import assert from "node:assert/strict";
import { test } from "node:test";
import { contrast, toLab, toRgb, type Rgb } from "../src/theme/colour.ts";
import { DEFAULT_PALETTE, paletteFor, paletteOf, type Palette } from "../src/theme/palette.ts";
import { themeOf } from "../src/theme/theme.ts";

const parse = (hex: string): Rgb => {
  const channel = (at: number): number => Number.parseInt(hex.slice(at, at + 2), 16) / 255;
  return { r: channel(1), g: channel(3), b: channel(5) };
};

/** Picture of stripes; each number is the pixels of its stripe. */
function picture(...stripes: [Rgb, number][]): Uint8ClampedArray {
  const pixels: number[] = [];
  for (const [{ r, g, b }, share] of stripes) {
    for (let i = 0; i < share; i += 1) pixels.push(r * 255, g * 255, b * 255, 255);
  }
  return new Uint8ClampedArray(pixels);
}

const hueOf = (rgb: Rgb): number => {
  const { a, b } = toLab(rgb);
  return ((Math.atan2(b, a) * 180) / Math.PI + 360) % 360;
};

const hueDistance = (one: number, other: number): number => Math.abs(((one - other + 540) % 360) - 180);

const palettes: Palette[] = [DEFAULT_PALETTE, paletteOf(picture([{ r: 0.5, g: 0.5, b: 0.5 }, 100]))];
for (let h = 0; h < 360; h += 15) {
  for (const c of [0, 0.02, 0.1, 0.37]) {
    palettes.push({ main: { h, c }, other: { h: (h + 130) % 360, c: 0.37 - c } });
  }
}

test("text is readable on each background of any palette, dark and light", () => {
  for (const palette of palettes) {
    for (const dark of [true, false]) {
      const theme = themeOf(palette, dark);
      const backgrounds = [theme.background, theme.surface, theme.raised, theme["glow-one"], theme["glow-two"]].map(parse);
      for (const background of backgrounds) {
        for (const [name, least] of [
          ["text", 7], ["muted", 4.5], ["accent", 4.5], ["second-text", 4.5], ["danger-text", 4.5],
          ["second", 3], ["success", 3], ["warning", 3], ["danger", 3], ["input-border", 3],
        ] as const) {
          const ratio = contrast(parse(theme[name]), background);
          assert.ok(ratio >= least, `${name} ${theme[name]}: ${ratio} for ${JSON.stringify(palette)} ${dark}`);
        }
      }
      assert.ok(contrast(parse(theme["accent-text"]), parse(theme.accent)) >= 4.5);
      assert.ok(contrast(parse(theme.accent), parse(theme.track)) >= 3, `${theme.accent} on ${theme.track}`);
    }
  }
});

test("the main colour is the most frequent one, the other one the most vivid", () => {
  const [blue, orange] = [{ r: 0.1, g: 0.2, b: 0.45 }, { r: 0.95, g: 0.55, b: 0.2 }];
  const { main, other } = paletteOf(picture([blue, 85], [orange, 15]));

  assert.ok(hueDistance(main.h, hueOf(blue)) < 5);
  assert.ok(hueDistance(other.h, hueOf(orange)) < 5);
});

test("a grey cover gives a grey palette", () => {
  const { main, other } = paletteOf(picture([{ r: 0, g: 0, b: 0 }, 50], [{ r: 0.9, g: 0.9, b: 0.9 }, 50]));

  assert.ok(main.c < 0.02);
  assert.ok(other.c < 0.02);
});

test("an empty or transparent picture gives a grey palette", () => {
  assert.ok(paletteOf(new Uint8ClampedArray()).main.c < 0.02);
  assert.ok(paletteOf(new Uint8ClampedArray([255, 0, 0, 0])).main.c < 0.02);
});

test("the same text gives the same palette, another text another one", () => {
  assert.deepEqual(paletteFor("Fallen"), paletteFor("Fallen"));
  assert.notDeepEqual(paletteFor("Fallen"), paletteFor("Origin"));
});

test("a colour survives the conversion to OKLCH and back", () => {
  const { l, a, b } = toLab({ r: 0.3, g: 0.6, b: 0.8 });
  const back = toRgb({ l, c: Math.hypot(a, b), h: (Math.atan2(b, a) * 180) / Math.PI });

  for (const [one, other] of [[back.r, 0.3], [back.g, 0.6], [back.b, 0.8]] as const) {
    assert.ok(Math.abs(one - other) < 0.002);
  }
});
