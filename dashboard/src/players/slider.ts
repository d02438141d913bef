/* State of a slider that a user drags while the desk reports the same value.

   While it is dragged, and for a moment afterwards, the user's value is shown and the desk's is not, so
   the two never fight. At most ten values a second are sent, and the last one always is. */

const PAUSE = 100;
const SETTLE = 1_500;

export class SliderState {
  #value: number | undefined;
  #sentAt = Number.NEGATIVE_INFINITY;
  #unsent: number | undefined;
  #settlesAt = Number.NEGATIVE_INFINITY;

  /** Return the value to show; `now` in milliseconds. */
  shown(reported: number, now: number): number {
    if (this.#value === undefined) return reported;
    if (now >= this.#settlesAt || reported === this.#value) return reported;
    return this.#value;
  }

  /** The user moved the slider. Returns the value to send now, if any. */
  move(value: number, now: number): number | undefined {
    this.#value = value;
    this.#settlesAt = now + SETTLE;
    this.#unsent = value;
    return this.flush(now);
  }

  /** Return the value that is due to be sent. */
  flush(now: number): number | undefined {
    if (this.#unsent === undefined || now < this.#sentAt + PAUSE) return undefined;
    const value = this.#unsent;
    this.#unsent = undefined;
    this.#sentAt = now;
    return value;
  }

  /** Time at which `flush` has a value, or at which the desk's value is shown again. */
  deadline(now: number): number | undefined {
    if (this.#unsent !== undefined) return this.#sentAt + PAUSE;
    return this.#value !== undefined && this.#settlesAt > now ? this.#settlesAt : undefined;
  }
}
