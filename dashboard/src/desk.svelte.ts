/* What the page shows, as one object: readings, their last minutes, players, what is being waited for.

   State flows one way: connection ─▶ here ─▶ the parts. */

import { Playhead } from "./session/playhead.ts";
import { Connection } from "./session/connection.ts";
import type { Status } from "./session/link.ts";
import type { Action, Player, Snapshot } from "./session/snapshot.ts";
import { Taps } from "./session/taps.ts";
import { History, SPAN } from "./reading/history.ts";
import { lookedAt, ordered } from "./reading/order.ts";
import { Rate } from "./reading/rate.ts";

export interface Notice {
  readonly id: number;
  readonly code: string;
  readonly player: string;
}

export interface Rates {
  readonly received: number | undefined;
  readonly sent: number | undefined;
}

const NOTICE_LASTS = 6_000;

export class Desk {
  status = $state.raw<Status>({ kind: "connecting" });
  snapshot = $state.raw<Snapshot>();
  players = $state.raw<readonly Player[]>([]);
  shown = $state.raw<Player>();
  rates = $state.raw<Rates>({ received: undefined, sent: undefined });
  waiting = $state.raw<ReadonlySet<string>>(new Set());
  notices = $state.raw<readonly Notice[]>([]);
  /** Grows when the histories have a new point. */
  points = $state(0);

  readonly histories = {
    cpu: new History(),
    memory: new History(),
    received: new History(),
    sent: new History(),
    disk: new History(),
    battery: new History(),
    volume: new History(),
    backlight: new History(),
  };
  readonly playhead = new Playhead();
  readonly #received = new Rate();
  readonly #sent = new Rate();
  readonly #taps = new Taps();
  readonly #connection: Connection;
  #chosen: string | undefined;
  #notices = 0;
  #tapTimer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.#connection = new Connection({
      status: (status) => (this.status = status),
      show: (snapshot, at) => this.#show(snapshot, at),
      complain: ({ code }) => this.#refused(code),
      clear: () => this.#clear(),
    });
  }

  begin(): void {
    this.#connection.begin();
  }

  loggedIn(): void {
    this.#connection.start();
  }

  logOut(): void {
    void this.#connection.logOut();
  }

  retry(): void {
    this.#connection.retry();
  }

  now(): number {
    return this.#connection.clock.now();
  }

  date(moment: number): Date {
    return this.#connection.clock.date(moment);
  }

  choose(player: Player): void {
    this.#chosen = player.id;
    this.#look(this.players);
  }

  /** Look at the player `step` places further. */
  turn(step: number): void {
    const index = this.players.findIndex((player) => player.id === this.shown?.id);
    const player = this.players[index + step];
    if (player) this.choose(player);
  }

  tap(action: Action, player: Player): void {
    if (this.waiting.has(player.id)) return;
    const command = { action, player: player.id };
    if (!this.#connection.command(command)) return;
    this.#chosen = player.id;
    this.#taps.tap(command, player, this.now());
    this.#waitForTaps();
  }

  dismiss(notice: Notice): void {
    this.notices = this.notices.filter((each) => each !== notice);
  }

  #show(snapshot: Snapshot, at: number): void {
    this.#remember(snapshot, at);
    this.#taps.see(snapshot);
    this.#waitForTaps();
    this.players = ordered(this.players.map((player) => player.id), snapshot.players);
    this.#look(this.players, at);
    this.snapshot = snapshot;
  }

  #look(players: readonly Player[], at = this.now()): void {
    if (!players.some((player) => player.id === this.#chosen)) this.#chosen = undefined;
    const player = lookedAt(this.#chosen, this.shown?.id, players);
    if (player) this.playhead.see(player, at);
    this.shown = player;
  }

  #remember(snapshot: Snapshot, at: number): void {
    const { network, uptime } = snapshot;
    const received = this.#received.take(network?.received, at, uptime);
    const sent = this.#sent.take(network?.sent, at, uptime);
    this.rates = { received, sent };
    const all = this.histories;
    all.cpu.take(snapshot.cpu, at);
    all.memory.take(snapshot.memory, at);
    all.received.take(received, at);
    all.sent.take(sent, at);
    all.disk.take(snapshot.disk, at);
    all.battery.take(snapshot.battery?.charge, at);
    all.volume.take(snapshot.volume, at);
    all.backlight.take(snapshot.backlight, at);
    this.points = Math.floor(at / SPAN);
  }

  #refused(code: string): void {
    const player = this.#taps.refuse();
    this.#waitForTaps();
    this.#notice(code, player?.name ?? "");
  }

  #waitForTaps(): void {
    clearTimeout(this.#tapTimer);
    const { deadline, players } = this.#taps;
    if (players.size > 0 || this.waiting.size > 0) this.waiting = players;
    if (deadline === undefined) return;
    this.#tapTimer = setTimeout(() => {
      const given = this.#taps.tick(this.now());
      for (const { player } of given) this.#notice("unanswered", player.name);
      this.#waitForTaps();
    }, deadline - this.now() + 1);
  }

  #notice(code: string, player: string): void {
    this.#notices += 1;
    const notice = { id: this.#notices, code, player };
    const others = this.notices.filter((each) => each.code !== code || each.player !== player);
    this.notices = [...others, notice].slice(-3);
    setTimeout(() => this.dismiss(notice), NOTICE_LASTS);
  }

  #clear(): void {
    this.#taps.clear();
    this.#waitForTaps();
    this.snapshot = undefined;
    this.players = [];
    this.shown = undefined;
    this.notices = [];
    this.#chosen = undefined;
  }
}
