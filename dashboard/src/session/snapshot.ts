/* Snapshot of a desk, and the commands that a client may send. A missing device is a missing key. */

export interface Player {
  readonly id: string;
  readonly name: string;
  readonly playing: boolean;
  readonly title: string;
  readonly artist: string;
  readonly album?: string;
  /** Address of the cover on the desk, relative to the page. */
  readonly art?: string;
  /** Whole seconds. */
  readonly position?: number;
  readonly duration?: number;
}

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
  /** Percent. */
  readonly backlight?: number;
}

export type Action = "play-pause" | "next" | "previous" | "stop";

export interface Command {
  readonly action: Action;
  readonly player: string;
}

/** An `error` event of the desk. */
export interface Problem {
  readonly code: string;
  readonly message: string;
}
