/* Reactive state of the page: readings, their history, players and pending commands.

   State flows in one direction: connection ─▶ desk ─▶ components. */

import { PendingCommands } from "./players/commands.ts";
import { Playhead } from "./players/playhead.ts";
import { PlayerSelection, type PlayerTab } from "./players/selection.ts";
import { History, POINT_SPAN, Rate } from "./readings/series.ts";
import { Connection } from "./session/connection.ts";
import type { Action, Player, Snapshot } from "./session/snapshot.ts";
import type { Status } from "./session/status.ts";
import { loadChoice, storeChoice } from "./storage.ts";

export interface Notice {
  readonly id: number;
  readonly code: string;
  readonly player: string;
}

/** Bytes per second. */
export interface Rates {
  readonly received: number | undefined;
  readonly sent: number | undefined;
}

const NOTICE_DURATION = 6_000;

export class Desk {
  status = $state.raw<Status>({ kind: "connecting" });
  snapshot = $state.raw<Snapshot>();
  tabs = $state.raw<readonly PlayerTab[]>([]);
  shown = $state.raw<Player>();
  /** Whether the shown player is missing at the moment. */
  missing = $state(false);
  rates = $state.raw<Rates>({ received: undefined, sent: undefined });
  /** Ids of the players that have a pending command. */
  pending = $state.raw<ReadonlySet<string>>(new Set());
  notices = $state.raw<readonly Notice[]>([]);
  /** Names of the commands that the user may send; `undefined` until the desk lists them. */
  commands = $state.raw<ReadonlySet<string>>();
  /** Changes when the histories have a new point. */
  point = $state(0);

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
  readonly #commands = new PendingCommands();
  readonly #connection: Connection;
  readonly #selection = new PlayerSelection(loadChoice());
  /** Time at which the desk sent the positions of the players. */
  #playersAt = 0;
  #notices = 0;
  #commandTimer: ReturnType<typeof setTimeout> | undefined;
  #selectionTimer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.#connection = new Connection({
      status: (status) => {
        this.status = status;
        if (status.kind !== "live") this.#selection.interrupted();
      },
      show: (snapshot, at) => this.#show(snapshot, at),
      report: ({ code, event }) => this.#refused(code, event),
      allow: (commands) => (this.commands = new Set(commands)),
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

  retryNow(): void {
    this.#connection.retryNow();
  }

  now(): number {
    return this.#connection.clock.now();
  }

  date(moment: number): Date {
    return this.#connection.clock.date(moment);
  }

  select(player: Player): void {
    this.#selection.choose(player);
    this.#updateShown();
  }

  /** Select the player `step` places after the shown one. */
  selectBy(step: number): void {
    const index = this.tabs.findIndex(({ player }) => player.id === this.shown?.id);
    const tab = this.tabs[index + step];
    if (tab) this.select(tab.player);
  }

  send(action: Action, player: Player): void {
    if (this.pending.has(player.id)) return;
    const command = { action, player: player.id };
    if (!this.#connection.command(command)) return;
    this.select(player);
    this.#commands.add(command, player, this.now());
    this.#updatePending();
  }

  /** Whether the desk has this command and the user may send it. */
  may(name: string): boolean {
    return this.commands?.has(name) ?? false;
  }

  /** Send a command of deskwire.v1. A later reading shows its effect. */
  command(name: string, given: Readonly<Record<string, unknown>>): void {
    this.#connection.named({ name, arguments: given });
  }

  dismiss(notice: Notice): void {
    this.notices = this.notices.filter((each) => each !== notice);
  }

  #show(snapshot: Snapshot, at: number): void {
    this.#record(snapshot, at);
    this.#commands.update(snapshot);
    this.#updatePending();
    if (snapshot.players !== this.snapshot?.players) this.#playersAt = at;
    this.#selection.update(snapshot.players, this.now());
    this.#updateShown();
    this.snapshot = snapshot;
  }

  #updateShown(): void {
    const { tabs, shown, missing, choice, deadline } = this.#selection;
    if (shown) this.playhead.update(shown, this.#playersAt);
    this.tabs = tabs;
    this.shown = shown;
    this.missing = missing;
    storeChoice(choice);
    clearTimeout(this.#selectionTimer);
    if (deadline === undefined) return;
    this.#selectionTimer = setTimeout(() => {
      this.#selection.tick(this.now());
      this.#updateShown();
    }, deadline - this.now() + 1);
  }

  #record(snapshot: Snapshot, at: number): void {
    const { network, uptime } = snapshot;
    const received = this.#received.update(network?.received, at, uptime);
    const sent = this.#sent.update(network?.sent, at, uptime);
    this.rates = { received, sent };
    const { histories } = this;
    histories.cpu.add(snapshot.cpu, at);
    histories.memory.add(snapshot.memory, at);
    histories.received.add(received, at);
    histories.sent.add(sent, at);
    histories.disk.add(snapshot.disk, at);
    histories.battery.add(snapshot.battery?.charge, at);
    histories.volume.add(snapshot.volume, at);
    histories.backlight.add(snapshot.backlight, at);
    this.point = Math.floor(at / POINT_SPAN);
  }

  #refused(code: string, event = "audio-"): void {
    if (!event.startsWith("audio-")) {
      this.#notify(code, "");
      return;
    }
    const player = this.#commands.refuse();
    this.#updatePending();
    this.#notify(code, player?.name ?? "");
  }

  #updatePending(): void {
    clearTimeout(this.#commandTimer);
    const { deadline, players } = this.#commands;
    if (players.size > 0 || this.pending.size > 0) this.pending = players;
    if (deadline === undefined) return;
    this.#commandTimer = setTimeout(() => {
      for (const { name } of this.#commands.expire(this.now())) this.#notify("unanswered", name);
      this.#updatePending();
    }, deadline - this.now() + 1);
  }

  #notify(code: string, player: string): void {
    this.#notices += 1;
    const notice = { id: this.#notices, code, player };
    const others = this.notices.filter((each) => each.code !== code || each.player !== player);
    this.notices = [...others, notice].slice(-3);
    setTimeout(() => this.dismiss(notice), NOTICE_DURATION);
  }

  #clear(): void {
    this.#commands.clear();
    this.#updatePending();
    this.#selection.clear();
    this.#updateShown();
    this.snapshot = undefined;
    this.commands = undefined;
    this.notices = [];
  }
}
