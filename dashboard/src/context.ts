/* Svelte context that all components share. */

import { getContext, setContext } from "svelte";
import type { Desk } from "./desk.svelte.ts";
import type { Texts } from "./texts.ts";
import type { PageTheme } from "./theme/page_theme.svelte.ts";

export interface PageContext {
  readonly desk: Desk;
  readonly texts: Texts;
  readonly theme: PageTheme;
}

const KEY = Symbol("page");

export const setPageContext = (context: PageContext): PageContext => setContext(KEY, context);
export const getPageContext = (): PageContext => getContext<PageContext>(KEY);
