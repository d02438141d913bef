/* Puts a look on the page, and again when the screen turns dark or light.

   Set through the CSSOM, which a policy without `unsafe-inline` allows. */

import { lookOf, type Look, type Palette } from "./palette.ts";

export class Looks {
  dark = $state(true);
  /** The look that is worn, for what is drawn and not styled. */
  worn = $state.raw<Look>();

  constructor() {
    const dark = window.matchMedia("(prefers-color-scheme: dark)");
    this.dark = dark.matches;
    dark.addEventListener("change", () => (this.dark = dark.matches));
  }

  wear(palette: Palette): void {
    const look = lookOf(palette, this.dark);
    const { style } = document.documentElement;
    for (const [name, colour] of Object.entries(look)) style.setProperty(`--${name}`, colour);
    for (const meta of document.querySelectorAll<HTMLMetaElement>('meta[name="theme-color"]')) {
      meta.content = look.ground;
    }
    this.worn = look;
  }
}
