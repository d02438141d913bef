/* A rate out of a total that grows: bytes a second out of bytes since boot. */

const LONGEST = 10_000;

export class Rate {
  #total: number | undefined;
  #at = 0;
  #uptime: number | undefined;
  #last: number | undefined;

  /** Return what `total` grew by a second, `undefined` where that cannot be said; `now` in ms.

      Two readings close together say nothing, so the last rate stands, and it does where `uptime` is
      as before: that is read with the total, and something else has changed meanwhile. After a long
      silence, or when the desk has started anew, there is none: a made-up peak would dwarf the rest. */
  take(total: number | undefined, now: number, uptime?: number): number | undefined {
    const before = this.#total;
    const span = now - this.#at;
    const again = span < 500 || (uptime !== undefined && uptime === this.#uptime);
    if (total !== undefined && before !== undefined && total >= before && again) return this.#last;
    this.#total = total;
    this.#at = now;
    this.#uptime = uptime;
    const said = total !== undefined && before !== undefined && total >= before && span <= LONGEST;
    this.#last = said ? ((total - before) * 1000) / span : undefined;
    return this.#last;
  }
}
