/* Milliseconds that run on while the machine sleeps, and the word that it slept.

   `performance.now()` stops in suspend in some browsers, `Date.now()` may be set. So the first is
   counted, and what the second is ahead by, beyond a little, was sleep. */

const UNNOTICED = 2_000;

export class Clock {
  #slept = 0;
  #offset: number;
  readonly #running: () => number;
  readonly #wall: () => number;

  constructor(running = () => performance.now(), wall = () => Date.now()) {
    this.#running = running;
    this.#wall = wall;
    this.#offset = wall() - running();
  }

  now(): number {
    return this.#running() + this.#slept;
  }

  /** Whether the machine slept since this was last asked. */
  slept(): boolean {
    const offset = this.#wall() - this.#running();
    const ahead = offset - this.#offset;
    this.#offset = offset;
    if (ahead < UNNOTICED) return false;
    this.#slept += ahead;
    return true;
  }

  /** The wall clock's word for a moment of this clock. */
  date(moment: number): Date {
    return new Date(this.#wall() - (this.now() - moment));
  }
}
