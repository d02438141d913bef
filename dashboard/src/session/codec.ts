/* Codec of the base protocol and of deskwire.v1. Only this module knows the field names of the wire.

   A message is {"event": NAME, "args": […]}. In the base protocol the argument of `stats` and of
   `error` is JSON in a string, in deskwire.v1 every argument is JSON. The decoder trims names, and
   ignores unknown keys and values of a wrong type, because a newer desk may send more. */

import type { Command, Loop, NamedCommand, Player, Problem, Snapshot } from "./snapshot.ts";

export const SUBPROTOCOL = "deskwire.v1";

/** Topics of the page, in deskwire.v1. */
const TOPICS = [
  "players", "memory", "cpu", "network", "uptime", "disk", "wifi", "battery", "volume", "backlight",
];

export type ServerMessage =
  | { readonly kind: "stats"; readonly snapshot: Snapshot }
  | { readonly kind: "welcome"; readonly topics: readonly string[]; readonly commands: readonly string[] }
  /** Changed topics, as they are on the wire. */
  | { readonly kind: "readings"; readonly readings: Wire }
  | { readonly kind: "session expiring" }
  | { readonly kind: "error"; readonly problem: Problem };

export const encodeAuth = (token: string): string => envelope("auth", token);

export const encodeCommand = ({ action, player }: Command): string =>
  envelope(`audio-${action}`, player);

export const encodeNamed = ({ name, arguments: given }: NamedCommand): string =>
  JSON.stringify({ event: name, args: [given] });

/** Subscribe to the topics of the page that the desk has. */
export const encodeSubscribe = (offered: readonly string[]): string =>
  JSON.stringify({
    event: "subscribe",
    args: [{ topics: TOPICS.filter((topic) => offered.includes(topic)) }],
  });

/** Decode a message of the desk. Returns `undefined` for unknown or malformed messages. */
export function decode(text: string): ServerMessage | undefined {
  const message = parseObject(text);
  if (typeof message?.["event"] !== "string" || !Array.isArray(message["args"])) return undefined;
  const argument: unknown = message["args"][0];
  switch (message["event"].trim()) {
    case "stats": {
      const stats = parseObject(argument);
      return stats && { kind: "stats", snapshot: decodeSnapshot(stats) };
    }
    case "welcome": {
      const welcome = asObject(argument);
      const texts = (values: readonly unknown[]): string[] =>
        values.map(asText).filter((text) => text !== undefined);
      const commands = asList(welcome?.["commands"]).map((each) => asObject(each)?.["name"]);
      return { kind: "welcome", topics: texts(asList(welcome?.["topics"])), commands: texts(commands) };
    }
    case "readings": {
      const readings = asObject(argument);
      return readings && { kind: "readings", readings };
    }
    case "session expiring":
      return { kind: "session expiring" };
    case "error": {
      const error = asObject(argument) ?? parseObject(argument);
      if (typeof error?.["code"] !== "string") return undefined;
      const [code, message] = [error["code"], asText(error["message"]) ?? ""];
      return { kind: "error", problem: withoutUndefined({ code, message, event: asText(error["event"]) }) };
    }
    default:
      return undefined;
  }
}

export type Wire = Readonly<Record<string, unknown>>;

/** Convert the readings of all topics of deskwire.v1 to a snapshot. */
export function snapshotOf(readings: Wire): Snapshot {
  const topic = (name: string): Wire | undefined => asObject(readings[name]);
  const network = topic("network");
  const received = asNumber(network?.["received"]);
  const sent = asNumber(network?.["sent"]);
  const wifi = topic("wifi");
  const charge = asNumber(topic("battery")?.["charge"]);
  return withoutUndefined({
    players: asList(readings["players"]).map(asObject).filter((each) => each !== undefined).flatMap(playerOf),
    memory: asNumber(topic("memory")?.["used"]),
    cpu: asNumber(topic("cpu")?.["busy"]),
    network: received === undefined || sent === undefined ? undefined : { received, sent },
    uptime: asNumber(topic("uptime")?.["up"]),
    disk: asNumber(topic("disk")?.["used"]),
    wifi: wifi && { ssid: asText(wifi["ssid"]) ?? "", connected: wifi["connected"] === true },
    battery:
      charge === undefined ? undefined : { charge, pluggedIn: topic("battery")?.["plugged_in"] === true },
    volume: asNumber(topic("volume")?.["level"]),
    muted: topic("volume") && topic("volume")?.["muted"] === true,
    backlight: asNumber(topic("backlight")?.["level"]),
  });
}

function playerOf(wire: Wire): Player[] {
  const id = asText(wire["id"]);
  if (id === undefined) return [];
  const loop = asText(wire["loop"]);
  const shuffle = wire["shuffle"];
  return [
    withoutUndefined({
      id,
      name: asText(wire["name"]) ?? "",
      playing: wire["playing"] === true,
      title: asText(wire["title"]) ?? "",
      artist: asText(wire["artist"]) ?? "",
      album: asText(wire["album"]),
      art: artAddress(asText(wire["art"])),
      position: asNumber(asObject(wire["position"])?.["at"]),
      duration: asNumber(wire["duration"]),
      track: asText(wire["track"]),
      can: {
        seek: wire["can_seek"] === true,
        next: wire["can_next"] === true,
        previous: wire["can_previous"] === true,
      },
      shuffle: typeof shuffle === "boolean" ? shuffle : undefined,
      loop: LOOPS.find((each) => each === loop),
    }),
  ];
}

const LOOPS: readonly Loop[] = ["none", "track", "playlist"];

function decodeSnapshot(wire: Wire): Snapshot {
  const network = asObject(wire["network"]);
  const received = asNumber(network?.["rx_bytes"]);
  const sent = asNumber(network?.["tx_bytes"]);
  const wifi = asObject(wire["wifi"]);
  const battery = asObject(wire["battery"]);
  const charge = asNumber(battery?.["percentage"]);
  return withoutUndefined({
    players: asList(wire["audio"]).map(asObject).filter((each) => each !== undefined).flatMap(decodePlayer),
    memory: asNumber(wire["memory_bytes"]),
    cpu: asNumber(wire["cpu_absolute"]),
    network: received === undefined || sent === undefined ? undefined : { received, sent },
    uptime: asNumber(wire["uptime"]),
    disk: asNumber(wire["disk_bytes"]),
    wifi: wifi && { ssid: asText(wifi["ssid"]) ?? "", connected: wifi["connected"] === true },
    battery:
      charge === undefined ? undefined : { charge, pluggedIn: battery?.["plugged_in"] === true },
    volume: asNumber(wire["volume"]),
    backlight: asNumber(wire["backlight"]),
  });
}

function decodePlayer(wire: Wire): Player[] {
  const id = asText(wire["id"]);
  if (id === undefined) return [];
  return [
    withoutUndefined({
      id,
      name: asText(wire["name"]) ?? "",
      playing: wire["playing"] === true,
      title: asText(wire["title"]) ?? "",
      artist: asText(wire["artist"]) ?? "",
      album: asText(wire["album"]),
      art: artAddress(asText(wire["art_url"])),
      position: asNumber(wire["timestamp"]),
      duration: asNumber(wire["duration"]),
    }),
  ];
}

/** Convert an art address of the desk to one relative to the page. Other addresses are dropped. */
function artAddress(address: string | undefined): string | undefined {
  return address?.startsWith("/v1/img/tmp/") ? address.slice(1) : undefined;
}

/** Copy an object without the keys whose value is `undefined`. */
function withoutUndefined<T extends object>(fields: { [Key in keyof T]: T[Key] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

function envelope(event: string, argument: string): string {
  return JSON.stringify({ event, args: [argument] });
}

function parseObject(text: unknown): Wire | undefined {
  if (typeof text !== "string") return undefined;
  try {
    return asObject(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function asObject(value: unknown): Wire | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Wire)
    : undefined;
}

const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

const asText = (value: unknown): string | undefined =>
  typeof value === "string" ? value : undefined;

const asNumber = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) ? value : undefined;
