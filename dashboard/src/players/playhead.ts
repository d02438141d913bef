/* Position in a track between two readings.

   The desk sends whole seconds, cut off. The playhead advances by itself and is corrected only when it
   leaves the second that the desk sent, so that it neither jumps nor jitters. */

import type { Player } from "../session/snapshot.ts";

const JUMP = 1.5;
/** Moves of the bar per second. */
const MAX_STEPS = 2;

export class Playhead {
  #track = "";
  #at = 0;
  #updatedAt = 0;
  #playing = false;
  #duration: number | undefined;

  /** Record a reading; `now` in milliseconds. */
  update(player: Player, now: number): void {
    const { position = 0, playing, duration } = player;
    const track = `${player.id}\n${player.title}\n${player.artist}`;
    const expected = this.at(now);
    let at = expected;
    if (track !== this.#track || Math.abs(expected - position - 0.5) > JUMP + 0.5) at = position;
    else if (expected < position) at = position;
    else if (expected >= position + 1) at = position + 0.999;
    this.#track = track;
    this.#at = at;
    this.#updatedAt = now;
    this.#playing = playing;
    this.#duration = duration;
  }

  /** Return the position in seconds. */
  at(now: number): number {
    const elapsed = this.#playing ? (now - this.#updatedAt) / 1000 : 0;
    return Math.max(0, Math.min(this.#at + elapsed, this.#duration ?? Number.POSITIVE_INFINITY));
  }

  /** Return the played share of the track, 0 to 1; 0 if its duration is unknown. */
  share(now: number): number {
    return this.#duration ? this.at(now) / this.#duration : 0;
  }

  /** Return how often per second a bar must move that is `heights` times as wide as it is high; 0 while
      the player is paused.

      A step shorter than the bar's height looks continuous. For most tracks one step per second is
      enough, together with the reading. Each further frame costs the browser nearly as much as a
      reading, so a short clip gets one more step and no further. */
  steps(heights: number): number {
    if (!this.#playing) return 0;
    const speed = this.#duration ? heights / this.#duration : 0;
    return Math.min(MAX_STEPS, Math.max(1, Math.ceil(speed)));
  }
}
