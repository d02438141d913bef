/* How often a desk speaks, and from when on its silence means that something is wrong.

   A desk says how it is once a second, or as often as its owner set; nobody tells the page which.
   So the usual silence is learned: the second longest of the last few, for one long one may have
   been a machine asleep. */

const REMEMBERED = 8;
const SHORTEST = 2_500;
const LONGEST = 120_000;

export class Pulse {
  /** When the desk spoke last. */
  last: number | undefined;
  #silences: number[] = [];
  #fresh = true;

  /** From when on silence is wrong. */
  get silentAt(): number {
    const [, usual = 0] = this.#silences.toSorted((one, other) => other - one);
    const allowed = Math.min(LONGEST, Math.max(SHORTEST, usual * 2 + 500));
    return (this.last ?? 0) + allowed;
  }

  /** It spoke at that moment; what was said before its last word is no news. */
  beat(said: number): void {
    const { last } = this;
    if (last !== undefined && said <= last) return;
    if (last !== undefined && !this.#fresh) {
      this.#silences = [...this.#silences, said - last].slice(-REMEMBERED);
    }
    this.last = said;
    this.#fresh = false;
  }

  /** A new line: the silence before its first word is nobody's habit. */
  begin(): void {
    this.#fresh = true;
  }

  forget(): void {
    this.last = undefined;
    this.#silences = [];
    this.#fresh = true;
  }
}
