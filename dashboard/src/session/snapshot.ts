/* Snapshot of a desk, and the commands that a client may send. A missing device is a missing key.

   Keys that only deskwire.v1 has are marked with v1. */

export interface Player {
  readonly id: string;
  readonly name: string;
  readonly playing: boolean;
  readonly title: string;
  readonly artist: string;
  readonly album?: string;
  /** Address of the cover on the desk, relative to the page. */
  readonly art?: string;
  /** Seconds; whole ones in the base protocol. */
  readonly position?: number;
  readonly duration?: number;
  /** v1: text that another track does not have. */
  readonly track?: string;
  /** v1 */
  readonly can?: { readonly seek: boolean; readonly next: boolean; readonly previous: boolean };
  /** v1: whether the order is random, if the player tells it. */
  readonly shuffle?: boolean;
  /** v1: what is repeated, if the player tells it. */
  readonly loop?: Loop;
}

export type Loop = "none" | "track" | "playlist";

export interface Network {
  /** Bytes since boot. */
  readonly received: number;
  readonly sent: number;
}

export interface Wifi {
  readonly ssid: string;
  readonly connected: boolean;
}

export interface Battery {
  /** Percent. */
  readonly charge: number;
  readonly pluggedIn: boolean;
}

export interface Snapshot {
  readonly players: readonly Player[];
  /** Bytes in use. */
  readonly memory?: number;
  /** Percent of the whole machine. */
  readonly cpu?: number;
  readonly network?: Network;
  /** Seconds. */
  readonly uptime?: number;
  /** Bytes in use. */
  readonly disk?: number;
  readonly wifi?: Wifi;
  readonly battery?: Battery;
  /** Percent; may exceed 100. */
  readonly volume?: number;
  /** v1 */
  readonly muted?: boolean;
  /** Percent. */
  readonly backlight?: number;
}

export type Action = "play-pause" | "next" | "previous" | "stop";

export interface Command {
  readonly action: Action;
  readonly player: string;
}

/** v1: a command by its name, with its arguments: `volume.set`. */
export interface NamedCommand {
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** An `error` event of the desk. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  /** v1: the event that was refused. */
  readonly event?: string;
}
