/* The link with real sockets, requests, timers and the browser's own news: it does what the link says
   and tells it what came of it. The only place of the page that has any of them. */

import { Clock } from "./clock.ts";
import { fetchTicket, logOut } from "./door.ts";
import { Link, type Effect, type Status } from "./link.ts";
import type { Command, Refusal, Snapshot } from "./snapshot.ts";

export interface Hears {
  status(status: Status): void;
  /** The desk was so at that moment. */
  show(snapshot: Snapshot, at: number): void;
  complain(refusal: Refusal): void;
  clear(): void;
}

export class Connection {
  readonly clock = new Clock();
  readonly #link = new Link();
  readonly #hears: Hears;
  readonly #sockets = new Map<number, WebSocket>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(hears: Hears) {
    this.#hears = hears;
  }

  /** Connect, and follow what the browser says of itself. */
  begin(): void {
    const on = (target: EventTarget, event: string, hear: (now: number) => Effect[] | void): void =>
      target.addEventListener(event, () => this.#step(hear));
    on(document, "visibilitychange", (now) =>
      document.hidden ? this.#link.hide(now) : this.#link.reveal(now),
    );
    on(window, "pageshow", (now) => this.#link.nudge(now));
    on(window, "online", (now) => this.#link.nudge(now));
    on(window, "offline", () => this.#link.offline());
    this.#step((now) => {
      const effects = this.#link.start();
      if (document.hidden) this.#link.hide(now);
      return effects;
    });
  }

  /** Somebody has logged in. */
  start(): void {
    this.#step(() => this.#link.start());
  }

  retry(): void {
    this.#step((now) => this.#link.nudge(now));
  }

  async logOut(): Promise<void> {
    this.#step(() => this.#link.logOut());
    await logOut();
  }

  /** Pass a tap on; returns whether it went out. */
  command(command: Command): boolean {
    let sent = false;
    this.#step(() => {
      const effects = this.#link.command(command);
      sent = effects.length > 0;
      return effects;
    });
    return sent;
  }

  #step(happen: (now: number) => Effect[] | void): void {
    const slept = this.clock.slept();
    const now = this.clock.now();
    const effects = [...(slept ? this.#link.wake(now) : []), ...(happen(now) ?? [])];
    for (const effect of effects) this.#do(effect);
    this.#hears.status(this.#link.status);
    this.#remind();
  }

  #do(effect: Effect): void {
    switch (effect.kind) {
      case "fetch ticket":
        void this.#fetch(effect.attempt);
        break;
      case "open":
        this.#open(effect.line, effect.address);
        break;
      case "transmit":
        this.#sockets.get(effect.line)?.send(effect.text);
        break;
      case "close":
        this.#sockets.get(effect.line)?.close(1000);
        this.#sockets.delete(effect.line);
        break;
      case "show":
        this.#hears.show(effect.snapshot, effect.at);
        break;
      case "complain":
        this.#hears.complain(effect.refusal);
        break;
      case "clear":
        this.#hears.clear();
        break;
    }
  }

  async #fetch(attempt: number): Promise<void> {
    const given = await fetchTicket();
    this.#step((now) =>
      "token" in given
        ? this.#link.ticket(attempt, given, now)
        : this.#link.noTicket(attempt, given, now),
    );
  }

  #open(line: number, address: string): void {
    const socket = new WebSocket(address);
    this.#sockets.set(line, socket);
    socket.onopen = () => this.#step((now) => this.#link.opened(line, now));
    socket.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (typeof data === "string") this.#step((now) => this.#link.heard(line, data, now));
    };
    socket.onclose = ({ code }) => {
      this.#sockets.delete(line);
      this.#step((now) => this.#link.closed(line, code, now));
    };
  }

  #remind(): void {
    clearTimeout(this.#timer);
    const { deadline } = this.#link;
    if (deadline === undefined) return;
    const wait = Math.min(Math.max(0, deadline - this.clock.now()) + 1, 0x7fffffff);
    this.#timer = setTimeout(() => this.#step((now) => this.#link.tick(now)), wait);
  }
}
