/* Freshness of readings: the time at which the desk sent one, and the time at which silence is a fault. */

/** Uptime is cut off to whole seconds, so a reading may be up to 1 s newer than its uptime says. */
export const UPTIME_RESOLUTION = 1_000;
/** The clocks of two machines drift apart by less than this share. */
const MAX_DRIFT = 0.001;
const REMEMBERED_INTERVALS = 8;
const SHORTEST_SILENCE = 2_500;
const LONGEST_SILENCE = 120_000;
/** A slow desk is allowed: each time that silence alone ends a socket, the next one gets twice as long,
    until the desk sends two readings soon after each other. */
const SHORTEST_STALE_TIME = 3_000;
const LONGEST_STALE_TIME = 120_000;

/** Estimates when the desk sent a reading. A network or a suspended page may have delayed it.

    The arrival time minus the uptime is the boot time of the desk, plus the delay. So the earliest boot
    time of all readings is the best estimate. */
export class MessageAge {
  #uptime = 0;
  #bootedAt = Number.POSITIVE_INFINITY;
  #readAt = 0;

  /** Return the latest time at which a reading that arrives `now` can have been sent.

      An answer is not older than its request at `requestedAt`. If uptime says otherwise, the user set a
      clock. An uptime that decreases means another desk, or a restart. */
  sentAt(uptime: number | undefined, now: number, requestedAt = 0): number {
    if (uptime === undefined) return now;
    const up = uptime * 1000;
    const earliest = this.#bootedAt + (now - this.#readAt) * MAX_DRIFT;
    const restarted = uptime < this.#uptime || earliest + up + UPTIME_RESOLUTION < requestedAt;
    this.#bootedAt = restarted ? now - up : Math.min(earliest, now - up);
    this.#uptime = uptime;
    this.#readAt = now;
    return Math.min(now, this.#bootedAt + up + UPTIME_RESOLUTION);
  }
}

/** Learns the usual interval of the desk's readings. The owner sets it, and the protocol does not name it.

    The usual interval is the second longest of the last few, because one long interval may be a
    suspended machine. A change sends a reading between two intervals. Uptime is read once per interval,
    so only a reading with a new uptime counts as a heartbeat. */
export class Heartbeat {
  /** Time at which the desk sent its last reading. */
  lastSentAt: number | undefined;
  #intervals: number[] = [];
  #heartbeatAt: number | undefined;
  #uptime: number | undefined;

  /** Time from which silence is a fault. */
  get overdueAt(): number {
    const [, usual = 0] = this.#intervals.toSorted((one, other) => other - one);
    const allowed = Math.min(LONGEST_SILENCE, Math.max(SHORTEST_SILENCE, usual * 2 + 500));
    return (this.lastSentAt ?? 0) + allowed;
  }

  /** Record a reading. Returns whether it is a heartbeat soon after another one on the same socket.

      A reading older than the last one is ignored. */
  record(sentAt: number, uptime?: number): boolean {
    if (this.lastSentAt !== undefined && sentAt <= this.lastSentAt) return false;
    this.lastSentAt = sentAt;
    if (uptime !== undefined && uptime === this.#uptime) return false;
    const interval = this.#heartbeatAt === undefined ? undefined : sentAt - this.#heartbeatAt;
    this.#heartbeatAt = sentAt;
    this.#uptime = uptime;
    if (interval === undefined) return false;
    this.#intervals = [...this.#intervals, interval].slice(-REMEMBERED_INTERVALS);
    return interval <= SHORTEST_SILENCE;
  }

  /** A new socket begins: the time before its first reading is no interval. */
  begin(): void {
    this.#heartbeatAt = undefined;
    this.#uptime = undefined;
  }

  forget(): void {
    this.lastSentAt = undefined;
    this.#intervals = [];
    this.begin();
  }
}

/** Decides whether readings are fresh, and when a silent socket must be replaced. */
export class Freshness {
  readonly #age = new MessageAge();
  readonly #heartbeat = new Heartbeat();
  #staleTime = SHORTEST_STALE_TIME;

  get lastSentAt(): number | undefined {
    return this.#heartbeat.lastSentAt;
  }

  /** Time at which the status becomes stale. */
  get staleAt(): number {
    return this.#heartbeat.overdueAt;
  }

  /** Time at which a silent socket is replaced. */
  get replaceAt(): number {
    return this.staleAt + this.#staleTime;
  }

  /** Record a reading. Returns the time at which the desk sent it, or `now` if it is fresh.

      The estimate has a resolution of 1 s, so a stale status needs a reading that is fresh beyond doubt. */
  record(uptime: number | undefined, now: number, stale: boolean, requestedAt?: number): FreshnessResult {
    const sentAt = this.#age.sentAt(uptime, now, requestedAt);
    if (this.#heartbeat.record(sentAt, uptime)) this.#staleTime = SHORTEST_STALE_TIME;
    const fresh = now + (stale ? UPTIME_RESOLUTION : 0) < this.staleAt;
    return { fresh, sentAt: fresh ? now : sentAt };
  }

  /** A new socket has delivered its first reading. */
  begin(): void {
    this.#heartbeat.begin();
  }

  /** A socket was replaced because of silence alone. */
  waitLonger(): void {
    this.#staleTime = Math.min(LONGEST_STALE_TIME, this.#staleTime * 2);
  }

  forget(): void {
    this.#heartbeat.forget();
  }
}

export interface FreshnessResult {
  readonly fresh: boolean;
  readonly sentAt: number;
}
