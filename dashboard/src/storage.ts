/* Browser storage: the last user name, and the chosen player of this browser tab. */

import type { Choice } from "./players/selection.ts";

const USER = "deskwire.user";
const PLAYER = "deskwire.player";
let storedPlayer: string | null = null;

export const lastUser = (): string => attempt(() => localStorage.getItem(USER)) ?? "";

export const rememberUser = (name: string): void => attempt(() => localStorage.setItem(USER, name));

export function loadChoice(): Choice | undefined {
  storedPlayer = attempt(() => sessionStorage.getItem(PLAYER)) ?? null;
  const text = storedPlayer;
  return text === null ? undefined : attempt(() => JSON.parse(text) as Choice);
}

export function storeChoice(choice: Choice | undefined): void {
  const text = choice ? JSON.stringify(choice) : null;
  if (text === storedPlayer) return;
  storedPlayer = text;
  attempt(() =>
    text === null ? sessionStorage.removeItem(PLAYER) : sessionStorage.setItem(PLAYER, text),
  );
}

/** Use the storage. Returns `undefined` if the browser forbids it. */
function attempt<T>(use: () => T): T | undefined {
  try {
    return use();
  } catch {
    return undefined;
  }
}
