/* Order of the players, and the player that the page shows. No tab moves unless a player starts. */

import type { Player } from "../session/snapshot.ts";

/** Sort players: playing ones first, otherwise in their previous order, with new ones last. */
export function sortPlayers(before: readonly string[], players: readonly Player[]): Player[] {
  const place = (player: Player): number => {
    const index = before.indexOf(player.id);
    return index < 0 ? before.length : index;
  };
  const sorted = players.toSorted((one, other) => place(one) - place(other));
  return [...sorted.filter((player) => player.playing), ...sorted.filter((player) => !player.playing)];
}

/** Return the player to show: the selected one while it exists; else the player shown before, unless it
    is paused while another one plays. */
export function playerToShow(
  selected: string | undefined,
  before: string | undefined,
  players: readonly Player[],
): Player | undefined {
  const [first] = players;
  const bySelection = players.find((player) => player.id === selected);
  if (bySelection) return bySelection;
  const same = players.find((player) => player.id === before);
  return same && (same.playing || !first?.playing) ? same : first;
}
