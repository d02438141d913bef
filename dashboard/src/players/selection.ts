/* Tabs of the players, and the player that the page shows. Pure: `deadline` says when to call `tick`.

   The page follows the playing player until the user chooses one. Only the user changes a choice. Players
   blink: some report a pause or disappear for a moment between two tracks. So a pause counts after 1 s,
   and a missing player keeps its tab for a short time, paused. A restarted desk gives its players new
   ids. So for 2 s after an interruption the tabs find their players by name and track. */

import type { Player } from "../session/snapshot.ts";

/** Milliseconds after which a pause counts. */
const PAUSE_DELAY = 1_000;
/** Milliseconds for which a missing player keeps its tab. */
const SHOWN_GRACE = 1_000;
const CHOSEN_GRACE = 2_000;
const INTERRUPTION_GRACE = 2_000;

/** Player that the user chose, as the page stores it. */
export type Choice = Readonly<Pick<Player, "id" | "name" | "title" | "artist">>;

export interface PlayerTab {
  readonly player: Player;
  /** Number among the players of the same name, from 1. It stays while the tab exists. */
  readonly ordinal: number;
}

interface Tab extends PlayerTab {
  player: Player;
  /** Time of the pause; `undefined` while it plays. */
  pausedAt: number | undefined;
  /** Time at which the player disappeared. */
  missingAt: number | undefined;
}

export class PlayerSelection {
  #players: readonly Player[] = [];
  #tabs: Tab[] = [];
  #shown: Tab | undefined;
  #chosen: Tab | undefined;
  #choice: Choice | undefined;
  #now = 0;
  #interrupted = true;
  /** Time until which ids may have changed. */
  #settlesAt = 0;

  constructor(choice?: Choice) {
    this.#choice = choice;
  }

  get tabs(): readonly PlayerTab[] {
    return this.#tabs.map(({ player, ordinal }) => ({ player, ordinal }));
  }

  get shown(): Player | undefined {
    return this.#shown?.player;
  }

  /** Whether the shown player is missing at the moment. */
  get missing(): boolean {
    return this.#shown?.missingAt !== undefined;
  }

  get choice(): Choice | undefined {
    return this.#choice;
  }

  /** Time of the next `tick`, if one is needed. */
  get deadline(): number | undefined {
    const times = this.#tabs.flatMap((tab) => [pauseEnd(tab), this.#graceEnd(tab)]);
    const future = [this.#settlesAt, ...times].filter((time) => time > this.#now);
    const next = Math.min(...future);
    return Number.isFinite(next) ? next : undefined;
  }

  /** The connection was interrupted: the desk may have restarted. */
  interrupted(): void {
    this.#interrupted = true;
  }

  update(players: readonly Player[], now: number): void {
    if (this.#interrupted) this.#settlesAt = now + INTERRUPTION_GRACE;
    this.#interrupted = false;
    this.#players = players;
    this.tick(now);
  }

  tick(now: number): void {
    const settled = now >= this.#settlesAt;
    const settles = settled && this.#now < this.#settlesAt;
    this.#now = now;
    this.#updateTabs(settled);
    this.#updateChosen(settled, settles);
    this.#tabs = this.#tabs.filter((tab) => now < this.#graceEnd(tab));
    if (this.#chosen && !this.#tabs.includes(this.#chosen)) this.#chosen = undefined;
    const active = this.#tabs.filter((tab) => now < pauseEnd(tab) || disappearedPlaying(tab));
    this.#tabs = [...active, ...this.#tabs.filter((tab) => !active.includes(tab))];
    const stays = this.#shown && (active.length > 0 ? active : this.#tabs).includes(this.#shown);
    this.#shown = this.#chosen ?? (stays ? this.#shown : this.#tabs[0]);
  }

  /** The user chose a player. */
  choose({ id }: Player): void {
    const tab = this.#tabs.find(({ player }) => player.id === id);
    if (!tab) return;
    this.#chosen = this.#shown = tab;
    this.#choice = choiceOf(tab.player);
  }

  clear(): void {
    this.#players = this.#tabs = [];
    this.#shown = this.#chosen = this.#choice = undefined;
  }

  #updateTabs(settled: boolean): void {
    const now = this.#now;
    const found = identify(this.#tabs.map((tab) => tab.player), this.#players, settled);
    for (const [index, tab] of this.#tabs.entries()) {
      const player = found[index];
      tab.missingAt = player ? undefined : (tab.missingAt ?? now);
      tab.pausedAt = player?.playing ? undefined : (tab.pausedAt ?? now);
      tab.player = player ?? lastKnown(tab.player, this.#players);
    }
    for (const player of this.#players) {
      if (found.includes(player)) continue;
      const pausedAt = player.playing ? undefined : Number.NEGATIVE_INFINITY;
      const ordinal = nextOrdinal(this.#tabs, player.name);
      this.#tabs.push({ player, ordinal, pausedAt, missingAt: undefined });
    }
  }

  #updateChosen(settled: boolean, settles: boolean): void {
    const choice = this.#choice;
    if (!choice) return;
    const tabOf = (player: Player | undefined): Tab | undefined =>
      player && this.#tabs.find((tab) => tab.player === player);
    if (!this.#chosen) {
      const [player] = identify([choice], this.#players, settled);
      this.#chosen = player?.name === choice.name ? tabOf(player) : undefined;
    }
    /* A player that was missing from the first reading after the interruption has new properties. */
    const missingAt = this.#chosen?.missingAt;
    if (settles && missingAt !== undefined && missingAt + INTERRUPTION_GRACE <= this.#settlesAt) {
      this.#chosen = undefined;
    }
    if (settles && !this.#chosen) {
      const sameName = this.#players.filter(({ name }) => name === choice.name);
      const sameId = sameName.find(({ id }) => id === choice.id);
      this.#chosen = tabOf(sameId ?? (sameName.length === 1 ? sameName[0] : undefined));
    }
    if (this.#chosen && this.#chosen.missingAt === undefined) {
      this.#choice = choiceOf(this.#chosen.player);
    }
  }

  /** Time at which a missing player loses its tab. */
  #graceEnd(tab: Tab): number {
    if (tab.missingAt === undefined) return Number.POSITIVE_INFINITY;
    let grace = 0;
    if (tab === this.#chosen) grace = CHOSEN_GRACE;
    else if (tab === this.#shown && this.#players.length > 0) grace = SHOWN_GRACE;
    return Math.max(tab.missingAt + grace, this.#settlesAt);
  }
}

/** Time until which a player counts as playing. */
const pauseEnd = (tab: Tab): number =>
  tab.pausedAt === undefined ? Number.POSITIVE_INFINITY : tab.pausedAt + PAUSE_DELAY;

const disappearedPlaying = (tab: Tab): boolean =>
  tab.missingAt !== undefined && tab.missingAt === tab.pausedAt;

const nextOrdinal = (tabs: readonly Tab[], name: string): number =>
  Math.max(0, ...tabs.filter(({ player }) => player.name === name).map(({ ordinal }) => ordinal)) + 1;

const choiceOf = ({ id, name, title, artist }: Player): Choice => ({ id, name, title, artist });

/** A missing player as the page shows it. Its old id may already belong to another player. */
function lastKnown(player: Player, players: readonly Player[]): Player {
  const taken = players.some(({ id }) => id === player.id);
  return { ...player, id: taken ? `${player.id}-missing` : player.id, playing: false };
}

/** Find each known player among the reported ones. Until ids are settled, name and track decide, and an
    id counts only if all known players are there. */
function identify(
  known: readonly Choice[],
  players: readonly Player[],
  settled: boolean,
): (Player | undefined)[] {
  const found = new Array<Player | undefined>(known.length).fill(undefined);
  const findBy = (same: (one: Choice, player: Player) => boolean): void => {
    for (const [index, one] of known.entries()) {
      if (found[index]) continue;
      const candidates = players.filter((player) => !found.includes(player) && same(one, player));
      if (candidates.length === 1) found[index] = candidates[0];
    }
  };
  const complete = known.every((one) => players.some((player) => sameId(one, player) && sameName(one, player)));
  findBy((one, player) => sameId(one, player) && sameTrack(one, player));
  if (settled) findBy(sameId);
  findBy(sameTrack);
  if (complete) findBy((one, player) => sameId(one, player) && sameName(one, player));
  return found;
}

const sameId = (one: Choice, player: Player): boolean => one.id === player.id;
const sameName = (one: Choice, player: Player): boolean => one.name === player.name;
const sameTrack = (one: Choice, player: Player): boolean =>
  sameName(one, player) && one.title !== "" && one.title === player.title && one.artist === player.artist;
