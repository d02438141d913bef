/* Where a track is between two readings.

   The desk says whole seconds, cut off, whenever it speaks. The playhead runs on by itself and is
   only moved when it has left the second that the desk names, so that it neither jumps nor trembles. */

import type { Player } from "./snapshot.ts";

const JUMP = 1.5;
/** Times a second. */
const MOST = 2;

export class Playhead {
  #track = "";
  #at = 0;
  #since = 0;
  #playing = false;
  #duration: number | undefined;

  /** Take note of a reading; `now` in milliseconds. */
  see(player: Player, now: number): void {
    const { position = 0, playing, duration } = player;
    const track = `${player.id}\n${player.title}\n${player.artist}`;
    const expected = this.at(now);
    let at = expected;
    if (track !== this.#track || Math.abs(expected - position - 0.5) > JUMP + 0.5) at = position;
    else if (expected < position) at = position;
    else if (expected >= position + 1) at = position + 0.999;
    this.#track = track;
    this.#at = at;
    this.#since = now;
    this.#playing = playing;
    this.#duration = duration;
  }

  /** Seconds into the track. */
  at(now: number): number {
    const run = this.#playing ? (now - this.#since) / 1000 : 0;
    return Math.max(0, Math.min(this.#at + run, this.#duration ?? Number.POSITIVE_INFINITY));
  }

  /** How much of the track is over, 0 to 1; 0 where its length is unknown. */
  share(now: number): number {
    return this.#duration ? this.at(now) / this.#duration : 0;
  }

  /** How often a second a bar is to be moved that is `heights` times as long as it is high; 0 while it stands.

      A step that is no longer than the bar is high is seen as going on, not as a jump. Once a second does
      for most tracks, together with the reading that comes anyway: to a browser every further picture of
      the page costs nearly what a reading does, so a short clip gets one more and no further. */
  steps(heights: number): number {
    if (!this.#playing) return 0;
    const speed = this.#duration ? heights / this.#duration : 0;
    return Math.min(MOST, Math.max(1, Math.ceil(speed)));
  }
}
