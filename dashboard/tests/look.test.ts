import assert from "node:assert/strict";
import { test } from "node:test";
import { contrast, toLab, toRgb, type Rgb } from "../src/look/colour.ts";
import { lookOf, OWN, paletteFor, paletteOf, type Palette } from "../src/look/palette.ts";

const parse = (hex: string): Rgb => {
  const channel = (at: number): number => Number.parseInt(hex.slice(at, at + 2), 16) / 255;
  return { r: channel(1), g: channel(3), b: channel(5) };
};

/** A picture of stripes, each with its share of a hundred pixels. */
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

const apart = (one: number, other: number): number => Math.abs(((one - other + 540) % 360) - 180);

const palettes: Palette[] = [OWN, paletteOf(picture([{ r: 0.5, g: 0.5, b: 0.5 }, 100]))];
for (let h = 0; h < 360; h += 15) {
  for (const c of [0, 0.02, 0.1, 0.37]) {
    palettes.push({ main: { h, c }, other: { h: (h + 130) % 360, c: 0.37 - c } });
  }
}

test("text is readable on every ground that any cover can make, dark and light", () => {
  for (const palette of palettes) {
    for (const dark of [true, false]) {
      const look = lookOf(palette, dark);
      const grounds = [look.ground, look.surface, look.raised, look["glow-one"], look["glow-two"]].map(parse);
      for (const ground of grounds) {
        for (const [name, least] of [
          ["ink", 7], ["soft", 4.5], ["accent", 4.5], ["second-ink", 4.5], ["alarm-ink", 4.5],
          ["second", 3], ["good", 3], ["warning", 3], ["alarm", 3], ["edge-line", 3],
        ] as const) {
          const ratio = contrast(parse(look[name]), ground);
          assert.ok(ratio >= least, `${name} ${look[name]}: ${ratio} for ${JSON.stringify(palette)} ${dark}`);
        }
      }
      assert.ok(contrast(parse(look["accent-ink"]), parse(look.accent)) >= 4.5);
      assert.ok(contrast(parse(look.accent), parse(look.track)) >= 3, `${look.accent} on ${look.track}`);
    }
  }
});

test("the ground is what most of a cover is, the accent what catches the eye", () => {
  const [blue, orange] = [{ r: 0.1, g: 0.2, b: 0.45 }, { r: 0.95, g: 0.55, b: 0.2 }];
  const { main, other } = paletteOf(picture([blue, 85], [orange, 15]));

  assert.ok(apart(main.h, hueOf(blue)) < 5);
  assert.ok(apart(other.h, hueOf(orange)) < 5);
});

test("a cover without colour makes a page without colour", () => {
  const { main, other } = paletteOf(picture([{ r: 0, g: 0, b: 0 }, 50], [{ r: 0.9, g: 0.9, b: 0.9 }, 50]));

  assert.ok(main.c < 0.02);
  assert.ok(other.c < 0.02);
});

test("nothing to look at is no colour either", () => {
  assert.ok(paletteOf(new Uint8ClampedArray()).main.c < 0.02);
  assert.ok(paletteOf(new Uint8ClampedArray([255, 0, 0, 0])).main.c < 0.02);
});

test("the same words always give the same look, other words another", () => {
  assert.deepEqual(paletteFor("Fallen"), paletteFor("Fallen"));
  assert.notDeepEqual(paletteFor("Fallen"), paletteFor("Origin"));
});

test("a colour comes back as it went", () => {
  const { l, a, b } = toLab({ r: 0.3, g: 0.6, b: 0.8 });
  const back = toRgb({ l, c: Math.hypot(a, b), h: (Math.atan2(b, a) * 180) / Math.PI });

  for (const [one, other] of [[back.r, 0.3], [back.g, 0.6], [back.b, 0.8]] as const) {
    assert.ok(Math.abs(one - other) < 0.002);
  }
});
