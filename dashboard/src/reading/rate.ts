/* A rate out of a total that grows: bytes a second out of bytes since boot. */

const LONGEST = 10_000;

export class Rate {
  #total: number | undefined;
  #at = 0;
  #last: number | undefined;

  /** Return what `total` grew by a second, `undefined` where that cannot be said; `now` in ms.

      Two readings close together say nothing, so the last rate stands; after a long silence, or when
      the desk has started anew, there is none: a made-up peak would dwarf the rest. */
  take(total: number | undefined, now: number): number | undefined {
    const before = this.#total;
    const span = now - this.#at;
    if (total !== undefined && before !== undefined && total >= before && span < 500) {
      return this.#last;
    }
    this.#total = total;
    this.#at = now;
    const said = total !== undefined && before !== undefined && total >= before && span <= LONGEST;
    this.#last = said ? ((total - before) * 1000) / span : undefined;
    return this.#last;
  }
}
