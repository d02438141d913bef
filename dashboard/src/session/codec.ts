/* Messages to text and back. The wire's field names live only here.

   Every message is {"event": NAME, "args": [TEXT, …]}; the argument of `stats` and of `error` is
   itself JSON, as a string. Names are trimmed before they are compared, unknown keys are passed
   over, and so is a value of a wrong type: a newer desk may say more. */

import type { Command, Player, Refusal, Snapshot } from "./snapshot.ts";

export type FromDesk =
  | { readonly kind: "stats"; readonly snapshot: Snapshot }
  | { readonly kind: "session expiring" }
  | { readonly kind: "refusal"; readonly refusal: Refusal };

export const encodeAuth = (token: string): string => envelope("auth", token);

export const encodeCommand = ({ action, player }: Command): string =>
  envelope(`audio-${action}`, player);

/** Read what the desk said; `undefined` for what this page does not know. */
export function decode(text: string): FromDesk | undefined {
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
      const refusal = { code: error["code"], message: asText(error["message"]) ?? "" };
      return { kind: "refusal", refusal };
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
  return present({
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
    present({
      id,
      name: asText(wire["name"]) ?? "",
      playing: wire["playing"] === true,
      title: asText(wire["title"]) ?? "",
      artist: asText(wire["artist"]) ?? "",
      album: asText(wire["album"]),
      art: ownAddress(asText(wire["art_url"])),
      position: asNumber(wire["timestamp"]),
      duration: asNumber(wire["duration"]),
    }),
  ];
}

/** An art address of the desk's own, relative to the page; anything else is no picture. */
function ownAddress(address: string | undefined): string | undefined {
  return address?.startsWith("/v1/img/tmp/") ? address.slice(1) : undefined;
}

/** The same object without the keys that hold `undefined`. */
function present<T extends object>(given: { [Key in keyof T]: T[Key] | undefined }): T {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as T;
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
