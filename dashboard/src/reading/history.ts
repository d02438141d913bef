/* The last minutes of a reading, as evenly spaced points: each the mean of what came in its span. */

export const POINTS = 75;
/** Milliseconds a point stands for. */
export const SPAN = 4_000;

export class History {
  /** Oldest first; `null` where nothing was heard. */
  readonly points: (number | null)[] = new Array<number | null>(POINTS).fill(null);
  #slot: number | undefined;
  #sum = 0;
  #count = 0;

  /** Take a value, or `undefined` where there is none; `now` in milliseconds. */
  take(value: number | undefined, now: number): void {
    this.#advance(Math.floor(now / SPAN));
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
