/* Client session against the transcripts that the server and the Python client also run. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { afterClose, ClientSession, type SessionEffect } from "../src/session/client_session.ts";
import type { Action } from "../src/session/snapshot.ts";

const FOLDER = new URL("../../tests/protocol/conversations/", import.meta.url);

interface Line {
  readonly at: number;
  readonly mark: string;
  readonly text: string;
}

const conversations = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".txt"))
  .map((name) => ({ name: name.replace(".txt", ""), lines: read(name) }));

function read(name: string): Line[] {
  const lines: Line[] = [];
  for (const text of readFileSync(new URL(name, FOLDER), "utf8").split("\n")) {
    if (!text || text.startsWith("#")) continue;
    const [, at, mark, content] = /^@(\d+)\s+([<>=x?])\s+(.*)$/.exec(text) ?? assert.fail(`${name}: ${text}`);
    lines.push({ at: Number(at), mark: mark ?? "", text: content ?? "" });
  }
  return lines;
}

function message(text: string): { event: string; args: string[] } | undefined {
  try {
    const parsed = JSON.parse(text) as { event: string; args: string[] };
    return typeof parsed.event === "string" && Array.isArray(parsed.args) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function token(lines: readonly Line[]): string {
  const sent = message(lines.find((line) => line.mark === "<")?.text ?? "");
  return sent?.event === "auth" ? (sent.args[0] ?? "") : "";
}

/** Write an effect as a line of a transcript. */
function toLine(at: number, effect: SessionEffect): Line {
  switch (effect.kind) {
    case "send":
      return { at, mark: "<", text: effect.text };
    case "show":
      return { at, mark: "?", text: `show ${effect.snapshot.players.length}` };
    case "report":
      return { at, mark: "?", text: `complain ${effect.problem.code}` };
    case "end":
      return { at, mark: "?", text: effect.next };
    case "allow":
      return { at, mark: "?", text: `allow ${effect.commands.join(" ")}` };
    case "renew":
      return { at, mark: "?", text: "roll over" };
  }
}

test("transcripts exist", () => {
  assert.ok(conversations.length > 10);
});

for (const { name, lines } of conversations) {
  test(`${name}: the page takes the decisions of the transcript`, () => {
    const session = new ClientSession(token(lines));
    const decided: Line[] = [];

    for (const { at, mark, text } of lines) {
      if (mark === ">") decided.push(...session.receive(text).map((effect) => toLine(at, effect)));
      if (mark === "x") {
        const code = Number(text.replace("< ", ""));
        decided.push(...session.closed(code).map((effect) => toLine(at, effect)));
      }
    }

    assert.deepEqual(decided, lines.filter((line) => line.mark === "?"));
  });

  test(`${name}: the page sends the messages of the transcript`, () => {
    const session = new ClientSession(token(lines));
    const sent: unknown[] = [];
    const expected: unknown[] = [];

    for (const { mark, text } of lines) {
      const wanted = mark === "<" ? message(text) : undefined;
      const action = /^audio-(play-pause|next|previous|stop)$/.exec(wanted?.event ?? "")?.[1];
      const player = wanted?.args[0];
      let effects: SessionEffect[] | undefined;
      if (wanted?.event === "auth" && sent.length === 0) effects = session.opened();
      else if (action && typeof player === "string" && sent.length > 0) {
        effects = session.command({ action: action as Action, player });
      }
      if (!effects) continue;
      expected.push(wanted);
      for (const effect of effects) {
        if (effect.kind === "send") sent.push(JSON.parse(effect.text));
      }
    }

    assert.deepEqual(sent, expected);
  });
}

test("an ended session sends nothing and ignores messages", () => {
  const session = new ClientSession("good");
  session.closed(1000);

  assert.deepEqual(session.receive('{"event":"stats","args":["{\\"audio\\":[]}"]}'), []);
  assert.deepEqual(session.command({ action: "stop", player: "player1" }), []);
  assert.deepEqual(session.closed(1006), []);
});

test("each close code has the next step of the protocol; unknown codes count as abnormal", () => {
  const table = [1000, 1001, 1006, 4001, 4004, 1008, 1011, 1013].map(afterClose);

  assert.deepEqual(table, [
    "stop", "stop", "reconnect", "log in", "refresh", "reconnect", "reconnect", "reconnect",
  ]);
});

test("the page subscribes to its topics that the desk has, and merges the readings", () => {
  const session = new ClientSession("good");
  const welcome = { topics: ["cpu", "volume", "moon"], commands: [{ name: "volume.set" }, {}] };
  const say = (event: string, argument: unknown): SessionEffect[] =>
    session.receive(JSON.stringify({ event, args: [argument] }));

  const first = say("welcome", welcome);
  say("readings", { cpu: { busy: 1 }, volume: { level: 10 } });
  const [shown] = say("readings", { cpu: { busy: 2 } });

  assert.deepEqual(first, [
    { kind: "send", text: '{"event":"subscribe","args":[{"topics":["cpu","volume"]}]}' },
    { kind: "allow", commands: ["volume.set"] },
  ]);
  assert.deepEqual(shown, { kind: "show", snapshot: { players: [], cpu: 2, volume: 10, muted: false } });
  assert.equal(session.phase, "live");
});

test("a named command is sent with its arguments until the session ends", () => {
  const session = new ClientSession("good");
  const command = { name: "volume.set", arguments: { level: 40 } };

  assert.deepEqual(session.named(command), [
    { kind: "send", text: '{"event":"volume.set","args":[{"level":40}]}' },
  ]);
  session.closed(1000);
  assert.deepEqual(session.named(command), []);
});
