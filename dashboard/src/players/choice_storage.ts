/* Storage of the user's choice of a player. It lasts as long as the browser tab. */

import type { Choice } from "./selection.ts";

const KEY = "deskwire.player";
let stored: string | null = null;

export function loadChoice(): Choice | undefined {
  try {
    stored = sessionStorage.getItem(KEY);
    return stored === null ? undefined : (JSON.parse(stored) as Choice);
  } catch {
    return undefined;
  }
}

export function storeChoice(choice: Choice | undefined): void {
  const text = choice ? JSON.stringify(choice) : null;
  if (text === stored) return;
  stored = text;
  try {
    if (text === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, text);
  } catch {
    // The browser forbids storage, so a reload forgets the choice.
  }
}
