/* Theme of the page: sets its colours as CSS custom properties, and follows the system's dark mode.

   It uses the CSSOM, which a content security policy without `unsafe-inline` allows. */

import type { Palette } from "./palette.ts";
import { themeOf, type Theme } from "./theme.ts";

export class PageTheme {
  dark = $state(true);
  /** The colours in use, for drawing on a canvas. */
  current = $state.raw<Theme>();

  constructor() {
    const dark = window.matchMedia("(prefers-color-scheme: dark)");
    this.dark = dark.matches;
    dark.addEventListener("change", () => (this.dark = dark.matches));
  }

  apply(palette: Palette): void {
    const theme = themeOf(palette, this.dark);
    const { style } = document.documentElement;
    for (const [name, colour] of Object.entries(theme)) style.setProperty(`--${name}`, colour);
    for (const meta of document.querySelectorAll<HTMLMetaElement>('meta[name="theme-color"]')) {
      meta.content = theme.background;
    }
    this.current = theme;
  }
}
