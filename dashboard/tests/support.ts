/* Helpers for the tests of the connection machine. */

import assert from "node:assert/strict";
import { ConnectionMachine, type Effect } from "../src/session/connection_machine.ts";

export const STATS = '{"event":"stats","args":["{\\"audio\\":[]}"]}';
export const EXPIRING = '{"event":"session expiring","args":["[10:30:45]: Your Session will expire"]}';
export const START = 1_000_000;

export const statsAt = (uptime: number): string =>
  JSON.stringify({ event: "stats", args: [JSON.stringify({ uptime, audio: [] })] });

export const token = (name: string) => ({ token: name, address: `wss://desk/${name}` });

/** Abbreviate effects: `fetch 1`, `open 1`, `auth one on 1`, `close 1`, `show`, `clear`. */
export function brief(effects: Effect[]): string[] {
  return effects.map((effect) => {
    switch (effect.kind) {
      case "fetch token":
        return `fetch ${effect.attempt}`;
      case "open":
        return `open ${effect.socket}`;
      case "send": {
        const { event, args } = JSON.parse(effect.text) as { event: string; args: string[] };
        return `${event} ${args[0] ?? ""} on ${effect.socket}`;
      }
      case "close":
        return `close ${effect.socket}`;
      default:
        return effect.kind;
    }
  });
}

/** A machine that is live on socket 1 with the token `one` since `START`. */
export function liveMachine(): ConnectionMachine {
  const machine = new ConnectionMachine();
  machine.start();
  machine.tokenFetched(1, token("one"), START);
  machine.opened(1, START);
  machine.received(1, STATS, START);
  assert.equal(machine.status.kind, "live");
  return machine;
}
