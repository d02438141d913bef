import assert from "node:assert/strict";
import { test } from "node:test";
import type { Action, Player } from "../src/session/snapshot.ts";
import { PendingCommands } from "../src/players/commands.ts";

const player = (more: Partial<Player> = {}): Player => ({
  id: "player1", name: "mpv", playing: true, title: "a", artist: "", position: 40, duration: 90, ...more,
});

const pending = (action: Action): PendingCommands => {
  const commands = new PendingCommands();
  commands.add({ action, player: "player1" }, player(), 0);
  return commands;
};

test("a command is pending until a reading shows its effect", () => {
  const answers: [Action, Partial<Player>][] = [
    ["play-pause", { playing: false }],
    ["stop", { playing: false }],
    ["next", { title: "b" }],
    ["previous", { position: 0 }],
  ];
  for (const [action, after] of answers) {
    const commands = pending(action);
    commands.update({ players: [player()] });
    assert.deepEqual([...commands.players], ["player1"], `${action} is not confirmed by an unchanged player`);

    commands.update({ players: [player(after)] });

    assert.equal(commands.players.size, 0, action);
  }
});

test("a command is dropped when its player leaves", () => {
  const commands = pending("stop");

  commands.update({ players: [] });

  assert.equal(commands.players.size, 0);
});

test("a refusal removes the oldest command", () => {
  const commands = pending("next");
  commands.add({ action: "next", player: "player2" }, player({ id: "player2" }), 5);

  assert.equal(commands.refuse()?.id, "player1");
  assert.deepEqual([...commands.players], ["player2"]);
});

test("a refusal without a pending command names no player", () => {
  assert.equal(new PendingCommands().refuse(), undefined);
});

test("an overdue pause names its player; an overdue skip need not have an effect", () => {
  const paused = pending("play-pause");
  const skipped = pending("next");

  assert.deepEqual(paused.expire(1999), []);
  assert.equal(paused.expire(2000)[0]?.id, "player1");
  assert.deepEqual(skipped.expire(2000), []);
  assert.equal(paused.players.size + skipped.players.size, 0);
});
