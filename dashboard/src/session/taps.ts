/* Taps that are not answered yet. A command is seen, not answered: its effect is in a later reading,
   and only a refusal is said. */

import type { Action, Command, Player, Snapshot } from "./snapshot.ts";

const PATIENCE = 2_000;

interface Tap {
  readonly action: Action;
  readonly before: Player;
  readonly until: number;
}

/** A tap nobody answered, which should have been seen. */
export interface Unanswered {
  readonly player: Player;
}

export class Taps {
  readonly #waiting = new Map<string, Tap>();

  /** The players whose last tap is unanswered. */
  get players(): ReadonlySet<string> {
    return new Set(this.#waiting.keys());
  }

  get deadline(): number | undefined {
    const times = [...this.#waiting.values()].map((tap) => tap.until);
    return times.length > 0 ? Math.min(...times) : undefined;
  }

  tap({ action }: Command, before: Player, now: number): void {
    this.#waiting.set(before.id, { action, before, until: now + PATIENCE });
  }

  /** A new reading: what it answers is not waited for any more. */
  see(snapshot: Snapshot): void {
    for (const [id, tap] of this.#waiting) {
      const after = snapshot.players.find((player) => player.id === id);
      if (!after || answers(tap, after)) this.#waiting.delete(id);
    }
  }

  /** A refusal is for the tap that has waited longest; returns the player it was for. */
  refuse(): Player | undefined {
    const [first] = this.#waiting;
    if (!first) return undefined;
    this.#waiting.delete(first[0]);
    return first[1].before;
  }

  /** Give up what has waited too long. Going on or stopping should have been seen; a skip need not. */
  tick(now: number): Unanswered[] {
    const given: Unanswered[] = [];
    for (const [id, tap] of this.#waiting) {
      if (now < tap.until) continue;
      this.#waiting.delete(id);
      if (tap.action === "play-pause") given.push({ player: tap.before });
    }
    return given;
  }

  clear(): void {
    this.#waiting.clear();
  }
}

function answers({ action, before }: Tap, after: Player): boolean {
  const other =
    after.title !== before.title ||
    after.artist !== before.artist ||
    after.duration !== before.duration;
  switch (action) {
    case "play-pause":
      return after.playing !== before.playing || other;
    case "stop":
      return !after.playing || other;
    case "next":
    case "previous":
      return other || (after.position ?? 0) < (before.position ?? 0);
  }
}
