/* How often a desk speaks, and from when on its silence means that something is wrong.

   A desk says how it is once a second, or as often as its owner set; nobody tells the page which.
   So the usual silence is learned: the second longest of the last few, for one long one may have
   been a machine asleep. What tells of a change in between counts for nothing there: uptime is read
   on the beat, so a reading with another uptime is a beat. */

const REMEMBERED = 8;
const SHORTEST = 2_500;
const LONGEST = 120_000;

export class Pulse {
  /** When the desk spoke last. */
  last: number | undefined;
  #silences: number[] = [];
  #beatAt: number | undefined;
  #uptime: number | undefined;

  /** From when on silence is wrong. */
  get silentAt(): number {
    const [, usual = 0] = this.#silences.toSorted((one, other) => other - one);
    const allowed = Math.min(LONGEST, Math.max(SHORTEST, usual * 2 + 500));
    return (this.last ?? 0) + allowed;
  }

  /** It spoke at that moment; return whether that was a beat soon after another on the same line.

      What was said before its last word is no news. */
  beat(said: number, uptime?: number): boolean {
    if (this.last !== undefined && said <= this.last) return false;
    this.last = said;
    if (uptime !== undefined && uptime === this.#uptime) return false;
    const silence = this.#beatAt === undefined ? undefined : said - this.#beatAt;
    this.#beatAt = said;
    this.#uptime = uptime;
    if (silence === undefined) return false;
    this.#silences = [...this.#silences, silence].slice(-REMEMBERED);
    return silence <= SHORTEST;
  }

  /** A new line: the silence before its first word is nobody's habit. */
  begin(): void {
    this.#beatAt = undefined;
    this.#uptime = undefined;
  }

  forget(): void {
    this.last = undefined;
    this.#silences = [];
    this.begin();
  }
}
