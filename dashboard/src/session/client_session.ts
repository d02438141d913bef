/* Client side of one WebSocket session. The Python client has the same state machine, and both run the
   transcripts in tests/protocol/conversations.

     opened ──auth──▶ waiting ──first stats──▶ live ──session expiring──▶ expiring
                         └──────────── closed(code) in any state ──▶ ended: stop, reconnect, …

   In deskwire.v1 the desk answers `auth` with `welcome`, and the page then subscribes to its topics. The
   session keeps the readings of all topics, because a message has only those that changed.

   Pure: each method takes an event and returns effects. There is no socket and no clock here. */

import { decode, encodeAuth, encodeCommand, encodeNamed, encodeSubscribe, snapshotOf, type Wire } from "./codec.ts";
import type { Command, NamedCommand, Problem, Snapshot } from "./snapshot.ts";

export type SessionEffect =
  | { readonly kind: "send"; readonly text: string }
  | { readonly kind: "show"; readonly snapshot: Snapshot }
  /** deskwire.v1: the names of the commands that the user may send. */
  | { readonly kind: "allow"; readonly commands: readonly string[] }
  /** The session ends soon: fetch a token and open the next socket. */
  | { readonly kind: "renew" }
  | { readonly kind: "report"; readonly problem: Problem }
  | { readonly kind: "end"; readonly next: NextStep };

export type SessionPhase = "waiting" | "live" | "expiring" | "ended";

export type NextStep =
  /** Do nothing: the close was intended. */
  | "stop"
  /** Connect again after 5 s, with the same token. */
  | "reconnect"
  /** Log in again: the desk rejected the token. */
  | "log in"
  /** Fetch a new WebSocket token and connect. */
  | "refresh";

export const CloseCode = {
  NORMAL: 1000,
  /** The daemon stops or restarts. */
  GOING_AWAY: 1001,
  /** No close frame arrived. Browsers report this code, and no peer sends it. */
  ABNORMAL: 1006,
  AUTH_FAILED: 4001,
  TOKEN_EXPIRED: 4004,
} as const;

const AFTER_CLOSE: ReadonlyMap<number, NextStep> = new Map([
  [CloseCode.NORMAL, "stop"],
  [CloseCode.GOING_AWAY, "stop"],
  [CloseCode.ABNORMAL, "reconnect"],
  [CloseCode.AUTH_FAILED, "log in"],
  [CloseCode.TOKEN_EXPIRED, "refresh"],
]);

/** Return the client's next step after `code`. Any unlisted code counts as abnormal. */
export const afterClose = (code: number): NextStep => AFTER_CLOSE.get(code) ?? "reconnect";

export class ClientSession {
  phase: SessionPhase = "waiting";
  readonly #token: string;
  #readings: Wire = {};
  #snapshot: Snapshot = { players: [] };

  constructor(token: string) {
    this.#token = token;
  }

  /** The players of the last snapshot: the same objects while the desk sends no others, because their
      positions are those of the moment at which they were sent. */
  get #players(): Pick<Snapshot, "players"> {
    return { players: this.#snapshot.players };
  }

  /** The socket is open: authenticate. */
  opened(): SessionEffect[] {
    return [{ kind: "send", text: encodeAuth(this.#token) }];
  }

  /** Send a command, unless the session has ended. */
  command(command: Command): SessionEffect[] {
    if (this.phase === "ended") return [];
    return [{ kind: "send", text: encodeCommand(command) }];
  }

  /** Send a command of deskwire.v1, unless the session has ended. */
  named(command: NamedCommand): SessionEffect[] {
    if (this.phase === "ended") return [];
    return [{ kind: "send", text: encodeNamed(command) }];
  }

  receive(text: string): SessionEffect[] {
    if (this.phase === "ended") return [];
    const message = decode(text);
    switch (message?.kind) {
      case "stats":
        if (this.phase === "waiting") this.phase = "live";
        return [{ kind: "show", snapshot: message.snapshot }];
      case "welcome":
        return [
          { kind: "send", text: encodeSubscribe(message.topics) },
          { kind: "allow", commands: message.commands },
        ];
      case "readings":
        if (this.phase === "waiting") this.phase = "live";
        this.#readings = { ...this.#readings, ...message.readings };
        this.#snapshot = { ...snapshotOf(this.#readings), ...("players" in message.readings ? {} : this.#players) };
        return [{ kind: "show", snapshot: this.#snapshot }];
      case "session expiring":
        if (this.phase === "expiring") return [];
        this.phase = "expiring";
        return [{ kind: "renew" }];
      case "error":
        return [{ kind: "report", problem: message.problem }];
      default:
        return [];
    }
  }

  /** The socket was closed with `code`; 1006 if no close frame arrived. */
  closed(code: number): SessionEffect[] {
    if (this.phase === "ended") return [];
    this.phase = "ended";
    return [{ kind: "end", next: afterClose(code) }];
  }
}
