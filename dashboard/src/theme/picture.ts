/* Cover picture: loads it and reads its palette. */

import { paletteOf, type Palette } from "./palette.ts";

const SAMPLE_SIZE = 48;

export interface Picture {
  readonly address: string;
  readonly palette: Palette;
}

/** Load a picture. Returns `undefined` if that fails. The canvas is readable: it has the page's origin. */
export async function loadPicture(address: string): Promise<Picture | undefined> {
  const image = new Image();
  image.src = address;
  try {
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = SAMPLE_SIZE;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (!context) return undefined;
    context.drawImage(image, 0, 0, SAMPLE_SIZE, SAMPLE_SIZE);
    const { data } = context.getImageData(0, 0, SAMPLE_SIZE, SAMPLE_SIZE);
    return { address, palette: paletteOf(data) };
  } catch {
    return undefined;
  }
}
