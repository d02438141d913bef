/* Codec of the base protocol. Only this module knows the field names of the wire.

   A message is {"event": NAME, "args": [TEXT, …]}. The argument of `stats` and of `error` is JSON in a
   string. The decoder trims names, and ignores unknown keys and values of a wrong type, because a newer
   desk may send more. */

import type { Command, Player, Problem, Snapshot } from "./snapshot.ts";

export type ServerMessage =
  | { readonly kind: "stats"; readonly snapshot: Snapshot }
  | { readonly kind: "session expiring" }
  | { readonly kind: "error"; readonly problem: Problem };

export const encodeAuth = (token: string): string => envelope("auth", token);

export const encodeCommand = ({ action, player }: Command): string =>
  envelope(`audio-${action}`, player);

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
    case "session expiring":
      return { kind: "session expiring" };
    case "error": {
      const error = parseObject(argument);
      if (typeof error?.["code"] !== "string") return undefined;
      const problem = { code: error["code"], message: asText(error["message"]) ?? "" };
      return { kind: "error", problem };
    }
    default:
      return undefined;
  }
}

type Wire = Readonly<Record<string, unknown>>;

function decodeSnapshot(wire: Wire): Snapshot {
  const network = asObject(wire["network"]);
  const received = asNumber(network?.["rx_bytes"]);
  const sent = asNumber(network?.["tx_bytes"]);
  const wifi = asObject(wire["wifi"]);
  const battery = asObject(wire["battery"]);
  const charge = asNumber(battery?.["percentage"]);
  const audio = Array.isArray(wire["audio"]) ? wire["audio"] : [];
  return withoutUndefined({
    players: audio.map(asObject).filter((each) => each !== undefined).flatMap(decodePlayer),
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

const asText = (value: unknown): string | undefined =>
  typeof value === "string" ? value : undefined;

const asNumber = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) ? value : undefined;
