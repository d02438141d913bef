/* The conversations that the desk's and the Python client's halves are held to, held to by the page's. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { ClientSession, type ClientEffect } from "../src/session/client_session.ts";
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
    const [, at, mark, said] = /^@(\d+)\s+([<>=x?])\s+(.*)$/.exec(text) ?? assert.fail(`${name}: ${text}`);
    lines.push({ at: Number(at), mark: mark ?? "", text: said ?? "" });
  }
  return lines;
}

function message(text: string): { event: string; args: string[] } | undefined {
  try {
    const said = JSON.parse(text) as { event: string; args: string[] };
    return typeof said.event === "string" && Array.isArray(said.args) ? said : undefined;
  } catch {
    return undefined;
  }
}

function token(lines: readonly Line[]): string {
  const said = message(lines.find((line) => line.mark === "<")?.text ?? "");
  return said?.event === "auth" ? (said.args[0] ?? "") : "";
}

function told(at: number, effect: ClientEffect): Line {
  switch (effect.kind) {
    case "transmit":
      return { at, mark: "<", text: effect.text };
    case "show":
      return { at, mark: "?", text: `show ${effect.snapshot.players.length}` };
    case "complain":
      return { at, mark: "?", text: `complain ${effect.refusal.code}` };
    case "then":
      return { at, mark: "?", text: effect.next };
    case "roll over":
      return { at, mark: "?", text: "roll over" };
  }
}

test("there are conversations", () => {
  assert.ok(conversations.length > 10);
});

for (const { name, lines } of conversations) {
  test(`${name}: the page decides what a client decides`, () => {
    const session = new ClientSession(token(lines));
    const decided: Line[] = [];

    for (const { at, mark, text } of lines) {
      if (mark === ">") decided.push(...session.receive(text).map((effect) => told(at, effect)));
      if (mark === "x") {
        const code = Number(text.replace("< ", ""));
        decided.push(...session.closed(code).map((effect) => told(at, effect)));
      }
    }

    assert.deepEqual(decided, lines.filter((line) => line.mark === "?"));
  });

  test(`${name}: the page says what a correct client says`, () => {
    const session = new ClientSession(token(lines));
    const said: unknown[] = [];
    const correct: unknown[] = [];

    for (const { mark, text } of lines) {
      const wanted = mark === "<" ? message(text) : undefined;
      const action = /^audio-(play-pause|next|previous|stop)$/.exec(wanted?.event ?? "")?.[1];
      const player = wanted?.args[0];
      let effects: ClientEffect[] | undefined;
      if (wanted?.event === "auth" && said.length === 0) effects = session.open();
      else if (action && typeof player === "string" && said.length > 0) {
        effects = session.command({ action: action as Action, player });
      }
      if (!effects) continue;
      correct.push(wanted);
      for (const effect of effects) {
        if (effect.kind === "transmit") said.push(JSON.parse(effect.text));
      }
    }

    assert.deepEqual(said, correct);
  });
}

test("an ended session neither says nor hears anything", () => {
  const session = new ClientSession("good");
  session.closed(1000);

  assert.deepEqual(session.receive('{"event":"stats","args":["{\\"audio\\":[]}"]}'), []);
  assert.deepEqual(session.command({ action: "stop", player: "player1" }), []);
  assert.deepEqual(session.closed(1006), []);
});
