/* What every part of the page may look at. */

import { getContext, setContext } from "svelte";
import type { Desk } from "./desk.svelte.ts";
import type { Looks } from "./look/look.svelte.ts";
import type { Texts } from "./texts.ts";

export interface Scene {
  readonly desk: Desk;
  readonly texts: Texts;
  readonly looks: Looks;
}

const KEY = Symbol("scene");

export const setScene = (scene: Scene): Scene => setContext(KEY, scene);
export const getScene = (): Scene => getContext<Scene>(KEY);
