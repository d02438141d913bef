/* Which player comes first, and which is looked at: the playing one, and nothing jumps under a finger. */

import type { Player } from "../session/snapshot.ts";

/** Order players: those that play first, else as they were; new ones last. */
export function ordered(before: readonly string[], players: readonly Player[]): Player[] {
  const place = (player: Player): number => {
    const index = before.indexOf(player.id);
    return index < 0 ? before.length : index;
  };
  const kept = players.toSorted((one, other) => place(one) - place(other));
  return [...kept.filter((player) => player.playing), ...kept.filter((player) => !player.playing)];
}

/** Tell which player is looked at: the one chosen by hand as long as it is there; else the one that was
    looked at, unless it is silent while another plays. */
export function lookedAt(
  chosen: string | undefined,
  before: string | undefined,
  players: readonly Player[],
): Player | undefined {
  const [first] = players;
  const byHand = players.find((player) => player.id === chosen);
  if (byHand) return byHand;
  const same = players.find((player) => player.id === before);
  return same && (same.playing || !first?.playing) ? same : first;
}
