/* The session made invisible: from one socket's conversation to a line that is simply there.

     log in ─▶ ticket ─▶ socket ─▶ live ─┬─ session expiring ─▶ ticket ─▶ second socket ─▶ live
                 ▲          ▲            ├─ 4004 ──▶ ticket      (the first closes when the
                 │          │            ├─ 1006 ──▶ socket, 5 s later       second speaks)
                 │          │            ├─ 1001 ──▶ the desk is away: ask for a ticket until it is back
                 └──────────┴── hidden ◀─┴─ 4001 ──▶ log in

   Pure: told what happened and when, it returns what to do; `deadline` says when to `tick`. Times
   are milliseconds of a clock that runs on in suspend. A line is one socket: `live` has spoken,
   `opening` has not yet; what an older line still says is not heard. The page is live while what the
   desk said last is new, by when it was said and not by when it came. */

import { ClientSession } from "./client_session.ts";
import type { Next } from "./close_codes.ts";
import { CUT, Postmark } from "./postmark.ts";
import { Pulse } from "./pulse.ts";
import type { Command, Refusal, Snapshot } from "./snapshot.ts";

export type Status =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  /** The desk has said nothing since then that came here. */
  | { readonly kind: "stale"; readonly since: number }
  /** The session's time is over; a new one is being fetched. */
  | { readonly kind: "expired" }
  /** The desk said good-bye then. */
  | { readonly kind: "away"; readonly since: number }
  /** The desk turned us down: a problem's code, or a close code. */
  | { readonly kind: "refused"; readonly code: string }
  | { readonly kind: "ended" }
  /** Nobody looks. */
  | { readonly kind: "paused" }
  | { readonly kind: "logged out"; readonly why: "first" | "expired" | "ended" | "left" };

export interface Ticket {
  readonly token: string;
  /** Where to connect. */
  readonly socket: string;
}

/** Why there is no ticket; `status` 0 where nobody answered. */
export interface NoTicket {
  readonly status: number;
  readonly code: string;
  /** Milliseconds. */
  readonly retryAfter?: number;
}

export type Effect =
  | { readonly kind: "fetch ticket"; readonly attempt: number }
  | { readonly kind: "open"; readonly line: number; readonly address: string }
  | { readonly kind: "transmit"; readonly line: number; readonly text: string }
  | { readonly kind: "close"; readonly line: number }
  /** The desk was so at that moment: now, or before if it comes late. */
  | { readonly kind: "show"; readonly snapshot: Snapshot; readonly at: number }
  | { readonly kind: "complain"; readonly refusal: Refusal }
  /** Forget what was shown: nobody is logged in. */
  | { readonly kind: "clear" };

interface Line {
  readonly id: number;
  readonly session: ClientSession;
  readonly since: number;
  /** When it was open and we said who we are. */
  asked: number | undefined;
}

const RECONNECT_AFTER = 5_000;
const RETURN_AFTER = 1_000;
const OPENING_PATIENCE = 10_000;
/** A desk may be slow to speak, as its owner wants it: so each time that silence alone ended a line the
    next is given twice as long, until the desk shows that it is not. */
const STALE_PATIENCE = 3_000;
const LONGEST_STALE_PATIENCE = 120_000;
const HIDDEN_PATIENCE = 3_000;
const ROLL_PAUSE = 1_000;
const TURNED_DOWN: ReadonlySet<number> = new Set([1003, 1008, 1009, 1013]);

export class Link {
  status: Status = { kind: "connecting" };
  readonly #pulse = new Pulse();
  readonly #postmark = new Postmark();
  #ticket: Ticket | undefined;
  #live: Line | undefined;
  #opening: Line | undefined;
  #lines = 0;
  #attempts = 0;
  #fetching: number | undefined;
  #again: { readonly at: number; readonly what: "ticket" | "socket" } | undefined;
  #rollAt: number | undefined;
  #stalePatience = STALE_PATIENCE;
  #hideAt: number | undefined;

  /** When to call `tick` next, if ever. */
  get deadline(): number | undefined {
    const times = [this.#hideAt];
    if (this.#opening) times.push(this.#opening.since + OPENING_PATIENCE);
    if (this.#live && this.status.kind === "live") times.push(this.#pulse.silentAt);
    if (this.#idle) {
      const replaceAt = this.#pulse.silentAt + this.#stalePatience;
      times.push(...(this.#live ? [this.#rollAt, replaceAt] : [this.#again?.at]));
    }
    const known = times.filter((time) => time !== undefined);
    return known.length > 0 ? Math.min(...known) : undefined;
  }

  // ---- people ---------------------------------------------------------------------------------

  /** The page is open, or somebody has logged in. */
  start(): Effect[] {
    this.#say({ kind: "connecting" });
    return this.#fetch();
  }

  logOut(): Effect[] {
    return this.#leave("left");
  }

  /** Do not wait any longer: somebody asked, the network is back, the machine woke up. */
  nudge(now: number): Effect[] {
    if (this.status.kind === "logged out" || this.status.kind === "paused") return [];
    if (this.#fetching !== undefined || this.#opening) return [];
    if (this.#live && this.status.kind === "live") return [];
    if (this.status.kind === "ended") this.#say({ kind: "connecting" });
    return this.#ticket && this.#again?.what !== "ticket" ? this.#open(now) : this.#fetch();
  }

  /** The machine slept: what was live is not to be believed. */
  wake(now: number): Effect[] {
    if (this.#live && this.status.kind === "live") this.#wait();
    return this.nudge(now);
  }

  /** The browser says that there is no network. */
  offline(): void {
    if (this.#live && this.status.kind === "live") this.#wait();
  }

  hide(now: number): void {
    if (!["logged out", "ended", "paused"].includes(this.status.kind)) {
      this.#hideAt = now + HIDDEN_PATIENCE;
    }
  }

  reveal(now: number): Effect[] {
    this.#hideAt = undefined;
    if (this.status.kind !== "paused") return this.nudge(now);
    this.#say({ kind: "connecting" });
    return this.#ticket ? this.#open(now) : this.#fetch();
  }

  command(command: Command): Effect[] {
    const line = this.#live;
    if (!line || this.status.kind !== "live") return [];
    return this.#heed(line, line.session.command(command), 0);
  }

  // ---- the desk -------------------------------------------------------------------------------

  ticket(attempt: number, ticket: Ticket, now: number): Effect[] {
    if (attempt !== this.#fetching) return [];
    this.#fetching = undefined;
    this.#ticket = ticket;
    return this.#open(now);
  }

  noTicket(attempt: number, why: NoTicket, now: number): Effect[] {
    if (attempt !== this.#fetching) return [];
    this.#fetching = undefined;
    if (this.#live) {
      this.#rollAt = now + (why.retryAfter ?? RECONNECT_AFTER);
      return [];
    }
    if (why.status === 401) return this.#leave(this.#ticket ? "expired" : "first");
    if (why.status > 0) this.#say({ kind: "refused", code: why.code });
    else if (this.status.kind !== "away") this.#wait();
    const pause = this.status.kind === "away" ? RETURN_AFTER : RECONNECT_AFTER;
    this.#again = { at: now + (why.retryAfter ?? pause), what: "ticket" };
    return [];
  }

  opened(id: number, now: number): Effect[] {
    const line = this.#opening;
    if (line?.id !== id) return [];
    line.asked = now;
    return this.#heed(line, line.session.open(), now);
  }

  heard(id: number, text: string, now: number): Effect[] {
    const line = this.#live?.id === id ? this.#live : this.#opening;
    return line?.id === id ? this.#heed(line, line.session.receive(text), now) : [];
  }

  closed(id: number, code: number, now: number): Effect[] {
    const line = this.#live?.id === id ? this.#live : this.#opening;
    if (line?.id !== id) return [];
    const next = line.session.closed(code).find((effect) => effect.kind === "then")?.next;
    if (line === this.#opening) {
      this.#opening = undefined;
      if (this.#live) {
        this.#rollAt = now + RECONNECT_AFTER;
        return [];
      }
    } else {
      this.#live = undefined;
      if (this.#opening || this.#fetching !== undefined) {
        if (next === "refresh") this.#say({ kind: "expired" });
        else this.#wait();
        return [];
      }
    }
    return this.#after(next ?? "stop", code, line.asked !== undefined, now);
  }

  tick(now: number): Effect[] {
    if (this.#hideAt !== undefined && now >= this.#hideAt) return this.#rest();
    if (this.#opening && now >= this.#opening.since + OPENING_PATIENCE) {
      const { id } = this.#opening;
      return [{ kind: "close", line: id }, ...this.closed(id, 1006, now)];
    }
    if (this.#live) return this.#tickLive(this.#live, now);
    if (this.#idle && this.#again && now >= this.#again.at) {
      return this.#again.what === "socket" ? this.#open(now) : this.#fetch();
    }
    return [];
  }

  // ---- inside ---------------------------------------------------------------------------------

  /** Whether nothing is on its way that is waited for. */
  get #idle(): boolean {
    return !this.#opening && this.#fetching === undefined;
  }

  #tickLive(line: Line, now: number): Effect[] {
    if (this.status.kind === "live" && now >= this.#pulse.silentAt) this.#wait();
    if (!this.#idle) return [];
    if (now >= this.#pulse.silentAt + this.#stalePatience) {
      this.#stalePatience = Math.min(LONGEST_STALE_PATIENCE, this.#stalePatience * 2);
      this.#live = undefined;
      return [{ kind: "close", line: line.id }, ...this.#open(now)];
    }
    if (this.#rollAt !== undefined && now >= this.#rollAt) return this.#fetch();
    return [];
  }

  #heed(line: Line, said: ReturnType<ClientSession["receive"]>, now: number): Effect[] {
    const effects: Effect[] = [];
    for (const effect of said) {
      switch (effect.kind) {
        case "transmit":
          effects.push({ kind: "transmit", line: line.id, text: effect.text });
          break;
        case "show":
          effects.push(...this.#show(line, effect.snapshot, now));
          break;
        case "roll over":
          if (line === this.#live) this.#rollAt = Math.max(now, line.since + ROLL_PAUSE);
          break;
        case "complain":
          effects.push({ kind: "complain", refusal: effect.refusal });
          break;
      }
    }
    return [...effects, ...(this.#live ? this.tick(now) : [])];
  }

  #show(line: Line, snapshot: Snapshot, now: number): Effect[] {
    const first = line === this.#opening;
    const effects = first ? this.#promote(line, now) : [];
    const said = this.#postmark.read(snapshot.uptime, now, first ? line.asked : undefined);
    if (this.#pulse.beat(said, snapshot.uptime)) this.#stalePatience = STALE_PATIENCE;
    /* It is told to the second: what is stale becomes live when there is no doubt. */
    const doubt = this.status.kind === "stale" ? CUT : 0;
    const late = now + doubt >= this.#pulse.silentAt;
    if (late) this.#wait();
    else this.#say({ kind: "live" });
    return [...effects, { kind: "show", snapshot, at: late ? said : now }];
  }

  /** The newer line has spoken: the older is not needed any more. */
  #promote(line: Line, now: number): Effect[] {
    const older = this.#live;
    this.#live = line;
    this.#opening = undefined;
    this.#again = undefined;
    this.#rollAt = line.session.phase === "expiring" ? now + ROLL_PAUSE : undefined;
    this.#pulse.begin();
    return older ? [{ kind: "close", line: older.id }] : [];
  }

  #after(next: Next, code: number, opened: boolean, now: number): Effect[] {
    switch (next) {
      case "stop":
        if (code === 1000) {
          this.#say({ kind: "ended" });
        } else {
          this.#say({ kind: "away", since: now });
          this.#again = { at: now + RETURN_AFTER, what: "ticket" };
        }
        return [];
      case "log in":
        return this.#leave("ended");
      case "refresh":
        this.#say({ kind: "expired" });
        return this.#fetch();
      case "reconnect":
        if (TURNED_DOWN.has(code)) this.#say({ kind: "refused", code: String(code) });
        else this.#wait();
        this.#again = { at: now + RECONNECT_AFTER, what: opened ? "socket" : "ticket" };
        return [];
    }
  }

  #fetch(): Effect[] {
    this.#again = undefined;
    this.#rollAt = undefined;
    this.#attempts += 1;
    this.#fetching = this.#attempts;
    return [{ kind: "fetch ticket", attempt: this.#attempts }];
  }

  #open(now: number): Effect[] {
    if (!this.#ticket) return this.#fetch();
    this.#again = undefined;
    const given = this.#opening ? [{ kind: "close", line: this.#opening.id } as const] : [];
    this.#lines += 1;
    const session = new ClientSession(this.#ticket.token);
    this.#opening = { id: this.#lines, session, since: now, asked: undefined };
    return [...given, { kind: "open", line: this.#lines, address: this.#ticket.socket }];
  }

  #rest(): Effect[] {
    const effects = this.#hangUp();
    this.#say({ kind: "paused" });
    return effects;
  }

  #leave(why: "first" | "expired" | "ended" | "left"): Effect[] {
    const effects = this.#hangUp();
    this.#ticket = undefined;
    this.#pulse.forget();
    this.#say({ kind: "logged out", why });
    return [...effects, { kind: "clear" }];
  }

  #hangUp(): Effect[] {
    const lines = [this.#live, this.#opening].filter((line) => line !== undefined);
    this.#live = this.#opening = undefined;
    this.#fetching = this.#again = this.#rollAt = this.#hideAt = undefined;
    return lines.map((line) => ({ kind: "close", line: line.id }) as const);
  }

  /** Say since when there is no news; connecting where there never was any. */
  #wait(): void {
    const last = this.#pulse.last;
    this.#say(last === undefined ? { kind: "connecting" } : { kind: "stale", since: last });
  }

  #say(status: Status): void {
    if (this.status.kind === status.kind && sinceOf(this.status) === sinceOf(status)) {
      if (status.kind !== "refused" && status.kind !== "logged out") return;
    }
    this.status = status;
  }
}

const sinceOf = (status: Status): number | undefined =>
  "since" in status ? status.since : undefined;
