/* Pending player commands. The base protocol confirms none: a later reading shows the effect, and only
   a refusal is an answer. */

import type { Action, Command, Player, Snapshot } from "../session/snapshot.ts";

const TIMEOUT = 2_000;

interface PendingCommand {
  readonly action: Action;
  /** The player when the command was sent. */
  readonly before: Player;
  readonly deadline: number;
}

export class PendingCommands {
  /** The last command of each player, oldest first. */
  readonly #pending = new Map<string, PendingCommand>();

  /** Ids of the players that have a pending command. */
  get players(): ReadonlySet<string> {
    return new Set(this.#pending.keys());
  }

  get deadline(): number | undefined {
    const times = [...this.#pending.values()].map((command) => command.deadline);
    return times.length > 0 ? Math.min(...times) : undefined;
  }

  add({ action }: Command, before: Player, now: number): void {
    this.#pending.set(before.id, { action, before, deadline: now + TIMEOUT });
  }

  /** Remove the commands whose effect a new reading shows. */
  update(snapshot: Snapshot): void {
    for (const [id, command] of this.#pending) {
      const after = snapshot.players.find((player) => player.id === id);
      if (!after || hasEffect(command, after)) this.#pending.delete(id);
    }
  }

  /** The desk refused a command: remove the oldest one. Returns its player. */
  refuse(): Player | undefined {
    const [oldest] = this.#pending;
    if (!oldest) return undefined;
    this.#pending.delete(oldest[0]);
    return oldest[1].before;
  }

  /** Remove the commands that are overdue. Returns the players that should have shown an effect: a
      play or pause is always visible, a skip need not be. */
  expire(now: number): Player[] {
    const unanswered: Player[] = [];
    for (const [id, command] of this.#pending) {
      if (now < command.deadline) continue;
      this.#pending.delete(id);
      if (command.action === "play-pause") unanswered.push(command.before);
    }
    return unanswered;
  }

  clear(): void {
    this.#pending.clear();
  }
}

function hasEffect({ action, before }: PendingCommand, after: Player): boolean {
  const trackChanged =
    after.title !== before.title ||
    after.artist !== before.artist ||
    after.duration !== before.duration;
  switch (action) {
    case "play-pause":
      return after.playing !== before.playing || trackChanged;
    case "stop":
      return !after.playing || trackChanged;
    case "next":
    case "previous":
      return trackChanged || (after.position ?? 0) < (before.position ?? 0);
  }
}
