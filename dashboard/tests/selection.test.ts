import assert from "node:assert/strict";
import { test } from "node:test";
import { playerToShow, sortPlayers } from "../src/players/selection.ts";
import type { Player } from "../src/session/snapshot.ts";

const player = (id: string, playing = false): Player => ({ id, name: "", playing, title: "", artist: "" });
const ids = (players: readonly Player[]): string[] => players.map(({ id }) => id);

test("playing players come first, and the order stays when one pauses", () => {
  const before = ["player1", "player2", "player3"];
  const two = sortPlayers(before, [player("player1"), player("player2", true), player("player3"), player("player4")]);
  assert.deepEqual(ids(two), ["player2", "player1", "player3", "player4"]);

  assert.deepEqual(ids(sortPlayers(ids(two), two.map(({ id }) => player(id)))), ids(two));
});

test("the playing player is shown; a paused one stays; a selected one stays", () => {
  const [one, two] = [player("player1"), player("player2", true)];
  assert.equal(playerToShow(undefined, undefined, [two, one]), two);
  assert.equal(playerToShow(undefined, "player1", [two, one]), two);
  assert.equal(playerToShow("player1", "player1", [two, one]), one);
  assert.equal(playerToShow(undefined, "player1", [player("player2"), one]), one);
  assert.equal(playerToShow("player9", "player9", [two, one]), two);
  assert.equal(playerToShow(undefined, undefined, []), undefined);
});
