/* Clock in milliseconds that also runs during suspend, and reports a suspend.

   `performance.now()` stops during suspend in some browsers, and a user may set `Date.now()`. So this
   clock counts the first one and adds the lead of the second one, if it is more than a little. */

const IGNORED_LEAD = 2_000;

export class Clock {
  #suspended = 0;
  #offset: number;
  readonly #running: () => number;
  readonly #wall: () => number;

  constructor(running = () => performance.now(), wall = () => Date.now()) {
    this.#running = running;
    this.#wall = wall;
    this.#offset = wall() - running();
  }

  now(): number {
    return this.#running() + this.#suspended;
  }

  /** Whether the machine was suspended since the last call. */
  wasSuspended(): boolean {
    const offset = this.#wall() - this.#running();
    const lead = offset - this.#offset;
    this.#offset = offset;
    if (lead < IGNORED_LEAD) return false;
    this.#suspended += lead;
    return true;
  }

  /** Convert a moment of this clock to a date. */
  date(moment: number): Date {
    return new Date(this.#wall() - (this.now() - moment));
  }
}
