/* Series of readings: the points of a sparkline, and a rate from a total. */

export const POINTS = 75;
/** Milliseconds that one point stands for. */
export const POINT_SPAN = 4_000;
const LONGEST_RATE_SPAN = 10_000;

/** Ring of evenly spaced points. Each point is the mean of the values in its span. */
export class History {
  /** Oldest first; `null` if no value arrived. */
  readonly points: (number | null)[] = new Array<number | null>(POINTS).fill(null);
  #slot: number | undefined;
  #sum = 0;
  #count = 0;

  /** Add a value, or only advance the time if it is `undefined`; `now` in milliseconds. */
  add(value: number | undefined, now: number): void {
    this.#advance(Math.floor(now / POINT_SPAN));
    if (value === undefined) return;
    this.#sum += value;
    this.#count += 1;
    this.points[POINTS - 1] = this.#sum / this.#count;
  }

  #advance(slot: number): void {
    const steps = this.#slot === undefined ? 0 : Math.min(slot - this.#slot, POINTS);
    this.#slot = slot;
    if (steps <= 0) return;
    this.points.copyWithin(0, steps);
    this.points.fill(null, POINTS - steps);
    this.#sum = this.#count = 0;
  }
}

/** Rate of a growing total: bytes per second from bytes since boot. */
export class Rate {
  #total: number | undefined;
  #at = 0;
  #uptime: number | undefined;
  #last: number | undefined;

  /** Return the growth of `total` per second, or `undefined` if it is unknown; `now` in milliseconds.

      The last rate stays if two readings are close together, or if `uptime` is the same: the desk reads
      total and uptime together, so some other device has changed. After a long silence or a restart of
      the desk there is no rate, because a false peak would flatten the sparkline. */
  update(total: number | undefined, now: number, uptime?: number): number | undefined {
    const before = this.#total;
    const span = now - this.#at;
    const grew = total !== undefined && before !== undefined && total >= before;
    const sameReading = span < 500 || (uptime !== undefined && uptime === this.#uptime);
    if (grew && sameReading) return this.#last;
    this.#total = total;
    this.#at = now;
    this.#uptime = uptime;
    this.#last = grew && span <= LONGEST_RATE_SPAN ? ((total - before) * 1000) / span : undefined;
    return this.#last;
  }
}
