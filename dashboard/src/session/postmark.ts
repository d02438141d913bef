/* When a reading was said: one that was held up on its way, or by a page that stood still, looks like any other.

   Its uptime tells. Taken from the moment it comes it says when the desk began, and the later it comes
   the later that is; so the earliest beginning that was heard of is the nearest to the truth. */

/** Uptime is whole seconds, cut off: so much earlier than told may a reading have been said. */
export const CUT = 1_000;
/** Two machines' clocks part by less. */
const DRIFT = 0.001;

export class Postmark {
  #uptime = 0;
  #began = Number.POSITIVE_INFINITY;
  #readAt = 0;

  /** Return the latest moment at which a reading that comes `now` can have been said.

      What answers a question is no older than when it was `asked`: where uptime says that it is, a clock
      was set. An uptime that goes back is another desk's, or it has started anew. */
  read(uptime: number | undefined, now: number, asked = 0): number {
    if (uptime === undefined) return now;
    const up = uptime * 1000;
    const known = this.#began + (now - this.#readAt) * DRIFT;
    const another = uptime < this.#uptime || known + up + CUT < asked;
    this.#began = another ? now - up : Math.min(known, now - up);
    this.#uptime = uptime;
    this.#readAt = now;
    return Math.min(now, this.#began + up + CUT);
  }
}
