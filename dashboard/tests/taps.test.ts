import assert from "node:assert/strict";
import { test } from "node:test";
import type { Action, Player } from "../src/session/snapshot.ts";
import { Taps } from "../src/session/taps.ts";

const player = (more: Partial<Player> = {}): Player => ({
  id: "player1", name: "mpv", playing: true, title: "a", artist: "", position: 40, duration: 90, ...more,
});

const tapped = (action: Action): Taps => {
  const taps = new Taps();
  taps.tap({ action, player: "player1" }, player(), 0);
  return taps;
};

test("a tap waits until a reading shows what it did", () => {
  const answers: [Action, Partial<Player>][] = [
    ["play-pause", { playing: false }],
    ["stop", { playing: false }],
    ["next", { title: "b" }],
    ["previous", { position: 0 }],
  ];
  for (const [action, after] of answers) {
    const taps = tapped(action);
    taps.see({ players: [player()] });
    assert.deepEqual([...taps.players], ["player1"], `${action} is not answered by the same again`);

    taps.see({ players: [player(after)] });

    assert.equal(taps.players.size, 0, action);
  }
});

test("a player that goes is not waited for", () => {
  const taps = tapped("stop");

  taps.see({ players: [] });

  assert.equal(taps.players.size, 0);
});

test("a refusal is for the tap that has waited longest", () => {
  const taps = tapped("next");
  taps.tap({ action: "next", player: "player2" }, player({ id: "player2" }), 5);

  assert.equal(taps.refuse()?.id, "player1");
  assert.deepEqual([...taps.players], ["player2"]);
});

test("a refusal nobody waits for is nobody's", () => {
  assert.equal(new Taps().refuse(), undefined);
});

test("nobody waits for ever: a pause that had no effect is said, a skip need not have one", () => {
  const paused = tapped("play-pause");
  const skipped = tapped("next");

  assert.deepEqual(paused.tick(1999), []);
  assert.equal(paused.tick(2000)[0]?.player.id, "player1");
  assert.deepEqual(skipped.tick(2000), []);
  assert.equal(paused.players.size + skipped.players.size, 0);
});
