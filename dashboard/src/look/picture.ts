/* A cover, fetched and looked at: its address when it can be shown, and the colours it has. */

import { paletteOf, type Palette } from "./palette.ts";

const SAMPLE = 48;

export interface Picture {
  readonly address: string;
  readonly palette: Palette;
}

/** Load a picture; `undefined` where there is none. The canvas may be read: it is of this origin. */
export async function load(address: string): Promise<Picture | undefined> {
  const image = new Image();
  image.src = address;
  try {
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = SAMPLE;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (!context) return undefined;
    context.drawImage(image, 0, 0, SAMPLE, SAMPLE);
    return { address, palette: paletteOf(context.getImageData(0, 0, SAMPLE, SAMPLE).data) };
  } catch {
    return undefined;
  }
}
