/* One socket's conversation, seen from the screen; the twin of the desk's and of the Python client's.

     opened ──auth──▶ waiting ──first stats──▶ live ──session expiring──▶ expiring
                         └──────────── closed(code) in any state ──▶ ended: stop, reconnect, …

   Pure: told what came, it returns what to do. No socket and no clock. */

import { afterClose, type Next } from "./close_codes.ts";
import { decode, encodeAuth, encodeCommand } from "./codec.ts";
import type { Command, Refusal, Snapshot } from "./snapshot.ts";

export type ClientEffect =
  | { readonly kind: "transmit"; readonly text: string }
  | { readonly kind: "show"; readonly snapshot: Snapshot }
  /** The session ends soon: fetch a token and open the next socket. */
  | { readonly kind: "roll over" }
  | { readonly kind: "complain"; readonly refusal: Refusal }
  | { readonly kind: "then"; readonly next: Next };

export type ClientPhase = "waiting" | "live" | "expiring" | "ended";

export class ClientSession {
  phase: ClientPhase = "waiting";
  readonly #token: string;

  constructor(token: string) {
    this.#token = token;
  }

  /** The socket is open: authenticate at once. */
  open(): ClientEffect[] {
    return [{ kind: "transmit", text: encodeAuth(this.#token) }];
  }

  /** Pass a tap on; nothing once the session has ended. */
  command(command: Command): ClientEffect[] {
    if (this.phase === "ended") return [];
    return [{ kind: "transmit", text: encodeCommand(command) }];
  }

  receive(text: string): ClientEffect[] {
    if (this.phase === "ended") return [];
    const message = decode(text);
    switch (message?.kind) {
      case "stats":
        if (this.phase === "waiting") this.phase = "live";
        return [{ kind: "show", snapshot: message.snapshot }];
      case "session expiring":
        if (this.phase === "expiring") return [];
        this.phase = "expiring";
        return [{ kind: "roll over" }];
      case "refusal":
        return [{ kind: "complain", refusal: message.refusal }];
      default:
        return [];
    }
  }

  /** The socket is closed with `code`; 1006 where no close frame came. */
  closed(code: number): ClientEffect[] {
    if (this.phase === "ended") return [];
    this.phase = "ended";
    return [{ kind: "then", next: afterClose(code) }];
  }
}
