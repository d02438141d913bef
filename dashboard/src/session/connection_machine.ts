/* Connection state machine: keeps one live session with the desk across changing sockets.

     log in ─▶ token ─▶ socket ─▶ live ─┬─ session expiring ─▶ token ─▶ second socket ─▶ live
                 ▲          ▲           ├─ 4004 ─▶ token       (the first socket is closed when
                 │          │           ├─ 1006 ─▶ socket, 5 s later   the second one delivers)
                 │          │           ├─ 1001 ─▶ the desk is away: ask for a token until it is back
                 └──────────┴─ hidden ◀─┴─ 4001 ─▶ log in

   Pure: each method takes an event and its time, and returns effects for `Connection` to carry out.
   `deadline` says when to call `tick`. Times are milliseconds of a clock that also runs during suspend.
   At most two sockets exist: `#live` has delivered a reading, `#opening` has not. The machine ignores
   the messages of any older socket. The status is live while the last reading is fresh, by the time at
   which the desk sent it and not by its arrival. */

import type { ApiError, WebSocketToken } from "./auth_api.ts";
import { ClientSession, type NextStep, type SessionEffect } from "./client_session.ts";
import { Freshness } from "./freshness.ts";
import type { Command, NamedCommand, Problem, Snapshot } from "./snapshot.ts";
import { sameStatus, type LogOutReason, type Status } from "./status.ts";

export type Effect =
  | { readonly kind: "fetch token"; readonly attempt: number }
  | { readonly kind: "open"; readonly socket: number; readonly address: string }
  | { readonly kind: "send"; readonly socket: number; readonly text: string }
  | { readonly kind: "close"; readonly socket: number }
  /** Show a snapshot that the desk sent at that moment. */
  | { readonly kind: "show"; readonly snapshot: Snapshot; readonly at: number }
  | { readonly kind: "report"; readonly problem: Problem }
  /** The names of the commands that the user may send. */
  | { readonly kind: "allow"; readonly commands: readonly string[] }
  /** Remove all readings from the page: the user is logged out. */
  | { readonly kind: "clear" };

interface Socket {
  readonly id: number;
  readonly session: ClientSession;
  readonly createdAt: number;
  /** Whether the desk gave its token just before. */
  readonly afterFetch: boolean;
  /** Time of the `auth` message. */
  authenticatedAt: number | undefined;
}

interface Retry {
  readonly at: number;
  readonly what: "token" | "socket";
}

const RECONNECT_DELAY = 5_000;
const RETURN_DELAY = 1_000;
const OPEN_TIMEOUT = 10_000;
const HIDDEN_TIMEOUT = 3_000;
const RENEWAL_PAUSE = 1_000;
/** Number of failures in a row after which the status is blocked. */
const BLOCKED_AFTER = 2;
const REFUSING_CODES: ReadonlySet<number> = new Set([1003, 1008, 1009, 1013]);

export class ConnectionMachine {
  status: Status = { kind: "connecting" };
  readonly #freshness = new Freshness();
  #token: WebSocketToken | undefined;
  #live: Socket | undefined;
  #opening: Socket | undefined;
  #sockets = 0;
  /** Number of sockets in a row that failed to open although the desk had just answered a request. */
  #failedSockets = 0;
  #attempts = 0;
  /** Number of the running attempt to fetch a token. */
  #fetching: number | undefined;
  #retry: Retry | undefined;
  #renewAt: number | undefined;
  #hideAt: number | undefined;

  /** Time of the next `tick`, if one is needed. */
  get deadline(): number | undefined {
    const times = [this.#hideAt];
    if (this.#opening) times.push(this.#opening.createdAt + OPEN_TIMEOUT);
    if (this.#isLive) times.push(this.#freshness.staleAt);
    if (this.#idle) {
      times.push(...(this.#live ? [this.#renewAt, this.#freshness.replaceAt] : [this.#retry?.at]));
    }
    const known = times.filter((time) => time !== undefined);
    return known.length > 0 ? Math.min(...known) : undefined;
  }

  // ---- events of the user and the browser -----------------------------------------------------

  /** The page was opened, or the user has logged in. */
  start(): Effect[] {
    this.#setStatus({ kind: "connecting" });
    return this.#fetchToken();
  }

  logOut(): Effect[] {
    return this.#endLogin("left");
  }

  /** Retry now: the user asked for it, the network is back, or the machine woke up. */
  retryNow(now: number): Effect[] {
    if (this.status.kind === "logged out" || this.status.kind === "paused") return [];
    if (!this.#idle || this.#isLive) return [];
    if (this.status.kind === "ended") this.#setStatus({ kind: "connecting" });
    return this.#token && this.#retry?.what !== "token" ? this.#open(now) : this.#fetchToken();
  }

  /** The machine was suspended: the live socket may be dead. */
  wake(now: number): Effect[] {
    if (this.#isLive) this.#setStale();
    return this.retryNow(now);
  }

  /** The browser reports that there is no network. */
  offline(): void {
    if (this.#isLive) this.#setStale();
  }

  hide(now: number): void {
    if (!["logged out", "ended", "paused"].includes(this.status.kind)) {
      this.#hideAt = now + HIDDEN_TIMEOUT;
    }
  }

  reveal(now: number): Effect[] {
    this.#hideAt = undefined;
    if (this.status.kind !== "paused") return this.retryNow(now);
    this.#setStatus({ kind: "connecting" });
    return this.#open(now);
  }

  command(command: Command): Effect[] {
    const socket = this.#live;
    if (!socket || !this.#isLive) return [];
    return this.#translate(socket, socket.session.command(command), 0);
  }

  named(command: NamedCommand): Effect[] {
    const socket = this.#live;
    if (!socket || !this.#isLive) return [];
    return this.#translate(socket, socket.session.named(command), 0);
  }

  // ---- events of the desk ---------------------------------------------------------------------

  tokenFetched(attempt: number, token: WebSocketToken, now: number): Effect[] {
    if (attempt !== this.#fetching) return [];
    this.#fetching = undefined;
    this.#token = token;
    return this.#open(now, true);
  }

  tokenFailed(attempt: number, error: ApiError, now: number): Effect[] {
    if (attempt !== this.#fetching) return [];
    this.#fetching = undefined;
    if (this.#live) {
      this.#renewAt = now + (error.retryAfter ?? RECONNECT_DELAY);
      return [];
    }
    if (error.status === 401) return this.#endLogin(this.#token ? "expired" : "first");
    this.#failedSockets = 0;
    if (error.status > 0) this.#setStatus({ kind: "refused", code: error.code });
    else if (this.status.kind !== "away") this.#setStale();
    const delay = this.status.kind === "away" ? RETURN_DELAY : RECONNECT_DELAY;
    this.#retry = { at: now + (error.retryAfter ?? delay), what: "token" };
    return [];
  }

  opened(id: number, now: number): Effect[] {
    const socket = this.#opening;
    if (socket?.id !== id) return [];
    socket.authenticatedAt = now;
    this.#failedSockets = 0;
    return this.#translate(socket, socket.session.opened(), now);
  }

  received(id: number, text: string, now: number): Effect[] {
    const socket = this.#find(id);
    return socket ? this.#translate(socket, socket.session.receive(text), now) : [];
  }

  closed(id: number, code: number, now: number): Effect[] {
    const socket = this.#find(id);
    if (!socket) return [];
    const next = socket.session.closed(code).find((effect) => effect.kind === "end")?.next;
    if (socket === this.#opening) {
      this.#opening = undefined;
      if (socket.afterFetch && !socket.authenticatedAt) this.#failedSockets += 1;
      if (this.#live) {
        this.#renewAt = now + RECONNECT_DELAY;
        return [];
      }
    } else {
      this.#live = undefined;
      if (!this.#idle) {
        if (next === "refresh") this.#setStatus({ kind: "expired" });
        else this.#setStale();
        return [];
      }
    }
    return this.#afterClose(next ?? "stop", code, socket.authenticatedAt !== undefined, now);
  }

  tick(now: number): Effect[] {
    if (this.#hideAt !== undefined && now >= this.#hideAt) return this.#pause();
    if (this.#opening && now >= this.#opening.createdAt + OPEN_TIMEOUT) {
      const { id } = this.#opening;
      return [{ kind: "close", socket: id }, ...this.closed(id, 1006, now)];
    }
    if (this.#live) return this.#tickLive(this.#live, now);
    if (this.#idle && this.#retry && now >= this.#retry.at) {
      return this.#retry.what === "socket" ? this.#open(now) : this.#fetchToken();
    }
    return [];
  }

  // ---- internals ------------------------------------------------------------------------------

  get #isLive(): boolean {
    return this.#live !== undefined && this.status.kind === "live";
  }

  /** Whether the machine is neither fetching a token nor opening a socket. */
  get #idle(): boolean {
    return !this.#opening && this.#fetching === undefined;
  }

  #find(id: number): Socket | undefined {
    return [this.#live, this.#opening].find((socket) => socket?.id === id);
  }

  #tickLive(socket: Socket, now: number): Effect[] {
    if (this.status.kind === "live" && now >= this.#freshness.staleAt) this.#setStale();
    if (!this.#idle) return [];
    if (now >= this.#freshness.replaceAt) {
      this.#freshness.waitLonger();
      this.#live = undefined;
      return [{ kind: "close", socket: socket.id }, ...this.#open(now)];
    }
    if (this.#renewAt !== undefined && now >= this.#renewAt) return this.#fetchToken();
    return [];
  }

  /** Turn the effects of one socket's session into effects of the machine. */
  #translate(socket: Socket, given: readonly SessionEffect[], now: number): Effect[] {
    const effects: Effect[] = [];
    for (const effect of given) {
      switch (effect.kind) {
        case "send":
          effects.push({ ...effect, socket: socket.id });
          break;
        case "show":
          effects.push(...this.#show(socket, effect.snapshot, now));
          break;
        case "renew":
          if (socket === this.#live) this.#renewAt = Math.max(now, socket.createdAt + RENEWAL_PAUSE);
          break;
        case "report":
        case "allow":
          effects.push(effect);
          break;
      }
    }
    return [...effects, ...(this.#live ? this.tick(now) : [])];
  }

  #show(socket: Socket, snapshot: Snapshot, now: number): Effect[] {
    const first = socket === this.#opening;
    const effects = first ? this.#promote(socket, now) : [];
    const requestedAt = first ? socket.authenticatedAt : undefined;
    const stale = this.status.kind === "stale";
    const { fresh, sentAt } = this.#freshness.record(snapshot.uptime, now, stale, requestedAt);
    if (fresh) this.#setStatus({ kind: "live" });
    else this.#setStale();
    return [...effects, { kind: "show", snapshot, at: sentAt }];
  }

  /** The newer socket has delivered a reading: close the older one. */
  #promote(socket: Socket, now: number): Effect[] {
    const older = this.#live;
    this.#live = socket;
    this.#opening = undefined;
    this.#retry = undefined;
    this.#renewAt = socket.session.phase === "expiring" ? now + RENEWAL_PAUSE : undefined;
    this.#freshness.begin();
    return older ? [{ kind: "close", socket: older.id }] : [];
  }

  #afterClose(next: NextStep, code: number, authenticated: boolean, now: number): Effect[] {
    switch (next) {
      case "stop":
        if (code === 1000) {
          this.#setStatus({ kind: "ended" });
        } else {
          this.#setStatus({ kind: "away", since: now });
          this.#retry = { at: now + RETURN_DELAY, what: "token" };
        }
        return [];
      case "log in":
        return this.#endLogin("ended");
      case "refresh":
        this.#setStatus({ kind: "expired" });
        return this.#fetchToken();
      case "reconnect":
        if (REFUSING_CODES.has(code)) this.#setStatus({ kind: "refused", code: String(code) });
        else if (this.#failedSockets >= BLOCKED_AFTER) this.#setStatus({ kind: "blocked" });
        else this.#setStale();
        this.#retry = { at: now + RECONNECT_DELAY, what: authenticated ? "socket" : "token" };
        return [];
    }
  }

  #fetchToken(): Effect[] {
    this.#retry = this.#renewAt = undefined;
    this.#attempts += 1;
    this.#fetching = this.#attempts;
    return [{ kind: "fetch token", attempt: this.#attempts }];
  }

  #open(now: number, afterFetch = false): Effect[] {
    if (!this.#token) return this.#fetchToken();
    this.#retry = undefined;
    const abandoned = this.#opening ? [{ kind: "close", socket: this.#opening.id } as const] : [];
    this.#sockets += 1;
    const session = new ClientSession(this.#token.token);
    const id = this.#sockets;
    this.#opening = { id, session, createdAt: now, afterFetch, authenticatedAt: undefined };
    return [...abandoned, { kind: "open", socket: id, address: this.#token.address }];
  }

  #pause(): Effect[] {
    const effects = this.#closeAll();
    this.#setStatus({ kind: "paused" });
    return effects;
  }

  #endLogin(reason: LogOutReason): Effect[] {
    const effects = this.#closeAll();
    this.#token = undefined;
    this.#freshness.forget();
    this.#setStatus({ kind: "logged out", reason });
    return [...effects, { kind: "clear" }];
  }

  #closeAll(): Effect[] {
    const sockets = [this.#live, this.#opening].filter((socket) => socket !== undefined);
    this.#live = this.#opening = undefined;
    this.#fetching = this.#retry = this.#renewAt = this.#hideAt = undefined;
    return sockets.map(({ id }) => ({ kind: "close", socket: id }) as const);
  }

  /** Set the status to stale, or to connecting if no reading has ever arrived. */
  #setStale(): void {
    const since = this.#freshness.lastSentAt;
    this.#setStatus(since === undefined ? { kind: "connecting" } : { kind: "stale", since });
  }

  #setStatus(status: Status): void {
    if (!sameStatus(this.status, status)) this.status = status;
  }
}
