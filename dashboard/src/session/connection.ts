/* Connection of the page: carries out the effects of `ConnectionMachine`, and passes it the events of
   sockets, requests, timers and the browser. No other module uses any of them. */

import { fetchToken, logOut } from "./auth_api.ts";
import { Clock } from "./clock.ts";
import { ConnectionMachine, type Effect } from "./connection_machine.ts";
import { SUBPROTOCOL } from "./codec.ts";
import type { Command, NamedCommand, Problem, Snapshot } from "./snapshot.ts";
import type { Status } from "./status.ts";

export interface ConnectionListener {
  status(status: Status): void;
  /** The desk sent this snapshot at that moment. */
  show(snapshot: Snapshot, at: number): void;
  report(problem: Problem): void;
  /** The names of the commands that the user may send. */
  allow(commands: readonly string[]): void;
  clear(): void;
}

export class Connection {
  readonly clock = new Clock();
  readonly #machine = new ConnectionMachine();
  readonly #listener: ConnectionListener;
  readonly #sockets = new Map<number, WebSocket>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(listener: ConnectionListener) {
    this.#listener = listener;
  }

  /** Connect, and follow the events of the browser. */
  begin(): void {
    const on = (target: EventTarget, event: string, handle: (now: number) => Effect[] | void): void =>
      target.addEventListener(event, () => this.#step(handle));
    on(document, "visibilitychange", (now) =>
      document.hidden ? this.#machine.hide(now) : this.#machine.reveal(now),
    );
    on(window, "pageshow", (now) => this.#machine.retryNow(now));
    on(window, "online", (now) => this.#machine.retryNow(now));
    on(window, "offline", () => this.#machine.offline());
    this.#step((now) => {
      const effects = this.#machine.start();
      if (document.hidden) this.#machine.hide(now);
      return effects;
    });
  }

  /** The user has logged in. */
  start(): void {
    this.#step(() => this.#machine.start());
  }

  retryNow(): void {
    this.#step((now) => this.#machine.retryNow(now));
  }

  async logOut(): Promise<void> {
    this.#step(() => this.#machine.logOut());
    await logOut();
  }

  /** Send a command. Returns whether it was sent. */
  command(command: Command): boolean {
    let sent = false;
    this.#step(() => {
      const effects = this.#machine.command(command);
      sent = effects.length > 0;
      return effects;
    });
    return sent;
  }

  /** Send a command of deskwire.v1. */
  named(command: NamedCommand): void {
    this.#step(() => this.#machine.named(command));
  }

  #step(handle: (now: number) => Effect[] | void): void {
    const suspended = this.clock.wasSuspended();
    const now = this.clock.now();
    const effects = [...(suspended ? this.#machine.wake(now) : []), ...(handle(now) ?? [])];
    for (const effect of effects) this.#perform(effect);
    this.#listener.status(this.#machine.status);
    this.#setTimer();
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case "fetch token":
        void this.#fetchToken(effect.attempt);
        break;
      case "open":
        this.#open(effect.socket, effect.address);
        break;
      case "send":
        this.#sockets.get(effect.socket)?.send(effect.text);
        break;
      case "close":
        this.#sockets.get(effect.socket)?.close(1000);
        this.#sockets.delete(effect.socket);
        break;
      case "show":
        this.#listener.show(effect.snapshot, effect.at);
        break;
      case "report":
        this.#listener.report(effect.problem);
        break;
      case "allow":
        this.#listener.allow(effect.commands);
        break;
      case "clear":
        this.#listener.clear();
        break;
    }
  }

  async #fetchToken(attempt: number): Promise<void> {
    const result = await fetchToken();
    this.#step((now) =>
      "token" in result
        ? this.#machine.tokenFetched(attempt, result, now)
        : this.#machine.tokenFailed(attempt, result, now),
    );
  }

  #open(id: number, address: string): void {
    const socket = new WebSocket(address, SUBPROTOCOL);
    this.#sockets.set(id, socket);
    socket.onopen = () => this.#step((now) => this.#machine.opened(id, now));
    socket.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (typeof data === "string") this.#step((now) => this.#machine.received(id, data, now));
    };
    socket.onclose = ({ code }) => {
      this.#sockets.delete(id);
      this.#step((now) => this.#machine.closed(id, code, now));
    };
  }

  #setTimer(): void {
    clearTimeout(this.#timer);
    const { deadline } = this.#machine;
    if (deadline === undefined) return;
    const delay = Math.min(Math.max(0, deadline - this.clock.now()) + 1, 0x7fffffff);
    this.#timer = setTimeout(() => this.#step((now) => this.#machine.tick(now)), delay);
  }
}
