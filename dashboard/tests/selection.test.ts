import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { PlayerSelection, type Choice } from "../src/players/selection.ts";
import type { Player } from "../src/session/snapshot.ts";

const player = (number: number, more: Partial<Player> = {}): Player => ({
  id: `player${number}`, name: `app ${number}`, playing: false, title: `track ${number}`, artist: "", ...more,
});
const playing = (number: number, more: Partial<Player> = {}): Player => player(number, { playing: true, ...more });
const titles = (): string[] => selection.tabs.map((tab) => tab.player.title);
const shown = (): string | undefined => selection.shown?.title;

let selection: PlayerSelection;
let now: number;

/** Show readings a second apart, the first one so long ago that ids are settled. */
function settleWith(...players: Player[]): void {
  selection.update(players, now - 10_000);
  selection.update(players, now);
}

beforeEach(() => {
  selection = new PlayerSelection();
  now = 1_000_000;
});

test("playing players come first, and the order stays when one pauses", () => {
  settleWith(player(1), playing(2), player(3), player(4));
  assert.deepEqual(titles(), ["track 2", "track 1", "track 3", "track 4"]);

  selection.update([player(1), player(2), player(3), player(4)], now + 5_000);
  selection.tick(now + 10_000);

  assert.deepEqual(titles(), ["track 2", "track 1", "track 3", "track 4"]);
});

test("the playing player is shown; a paused one stays while no other plays", () => {
  settleWith(player(1), playing(2));
  assert.equal(shown(), "track 2");

  selection.update([player(1), player(2)], now + 5_000);
  selection.tick(now + 10_000);
  assert.equal(shown(), "track 2");

  selection.update([playing(1), player(2)], now + 11_000);
  assert.equal(shown(), "track 1");
});

test("a chosen player stays shown while another one plays", () => {
  settleWith(player(1), playing(2));

  selection.choose(player(1));
  selection.update([player(1), playing(2)], now + 60_000);

  assert.equal(shown(), "track 1");
});

test("a pause of less than a second moves neither the page nor the tabs", () => {
  settleWith(playing(1), playing(2));

  selection.update([player(1), playing(2)], now + 1_000);
  assert.deepEqual([shown(), ...titles()], ["track 1", "track 1", "track 2"]);
  selection.update([playing(1, { title: "next" }), playing(2)], now + 1_110);
  selection.tick(now + 10_000);

  assert.deepEqual([shown(), ...titles()], ["next", "next", "track 2"]);
});

test("a pause of more than a second moves the page to the playing player", () => {
  settleWith(playing(1), playing(2));
  selection.update([player(1), playing(2)], now + 1_000);

  assert.equal(selection.deadline, now + 2_000);
  selection.tick(now + 2_000);

  assert.deepEqual([shown(), ...titles()], ["track 2", "track 2", "track 1"]);
});

test("a chosen player that is missing for less than 2 s stays shown, paused, and keeps its tab", () => {
  settleWith(playing(1), playing(2));
  selection.choose(player(1));

  selection.update([playing(2)], now + 1_000);
  selection.update([playing(2)], now + 2_500);
  assert.deepEqual([shown(), selection.shown?.playing, selection.missing], ["track 1", false, true]);
  assert.deepEqual(titles(), ["track 1", "track 2"]);
  selection.update([playing(1, { title: "next" }), playing(2)], now + 2_900);

  assert.deepEqual([shown(), selection.missing], ["next", false]);
  assert.deepEqual(titles(), ["next", "track 2"]);
});

test("a chosen player that is missing for longer gives way, and is shown again when it is back", () => {
  settleWith(playing(1), playing(2));
  selection.choose(player(1));
  selection.update([playing(2)], now + 1_000);

  selection.tick(now + 3_000);
  assert.deepEqual([shown(), selection.missing], ["track 2", false]);
  selection.update([player(1), playing(2)], now + 60_000);

  assert.equal(shown(), "track 1");
});

test("another player with the name of a missing chosen one does not become the choice", () => {
  settleWith(player(1, { name: "mpv" }), player(2, { name: "mpv" }), player(3));
  selection.choose(player(1));
  selection.update([player(2, { name: "mpv" }), player(3)], now + 1_000);
  selection.tick(now + 60_000);

  selection.update([player(2, { name: "mpv" }), playing(3)], now + 61_000);

  assert.equal(shown(), "track 3");
});

test("a shown player without a choice keeps its tab for a second", () => {
  settleWith(playing(1), playing(2));

  selection.update([playing(2)], now + 1_000);
  assert.equal(shown(), "track 1");
  selection.tick(now + 2_000);

  assert.equal(shown(), "track 2");
});

test("the only player leaves at once", () => {
  settleWith(playing(1));

  selection.update([], now + 1_000);

  assert.equal(shown(), undefined);
});

test("after a restart of the desk the tabs and the choice follow name and track", () => {
  const mpv = (number: number, title: string): Player => playing(number, { name: "mpv", title });
  settleWith(mpv(1, "a"), mpv(2, "b"));
  selection.choose(mpv(2, "b"));

  selection.interrupted();
  selection.update([mpv(1, "b"), mpv(2, "a")], now + 5_000);

  assert.deepEqual([shown(), ...titles()], ["b", "a", "b"]);
  assert.deepEqual(selection.tabs.map((tab) => tab.ordinal), [1, 2]);
  selection.tick(now + 60_000);
  assert.equal(shown(), "b");
});

test("after a restart of the desk the choice waits for a late player", () => {
  const mpv = (number: number, title: string): Player => playing(number, { name: "mpv", title });
  settleWith(mpv(1, "a"), mpv(2, "b"));
  selection.choose(mpv(2, "b"));

  selection.interrupted();
  selection.update([mpv(1, "a")], now + 5_000);
  assert.deepEqual([shown(), selection.missing], ["b", true]);
  selection.update([mpv(1, "a"), mpv(7, "b")], now + 6_000);

  assert.deepEqual([shown(), selection.missing], ["b", false]);
});

test("a late player does not inherit the id of the chosen one", () => {
  const mpv = (number: number, title: string): Player => playing(number, { name: "mpv", title });
  settleWith(mpv(1, "a"), mpv(2, "b"));
  selection.choose(mpv(1, "a"));

  selection.interrupted();
  selection.update([mpv(1, "b")], now + 5_000);
  assert.equal(shown(), "a");
  assert.equal(new Set(selection.tabs.map((tab) => tab.player.id)).size, 2);
  selection.update([mpv(1, "b"), mpv(2, "a")], now + 5_500);

  assert.deepEqual([shown(), selection.missing], ["a", false]);
});

test("after a restart with a new track the only player of the name is the choice", () => {
  settleWith(player(1), playing(2));
  selection.choose(player(1));

  selection.interrupted();
  selection.update([playing(1, { name: "app 2", title: "track 2" }), player(2, { name: "app 1", title: "next" })], now + 5_000);
  selection.tick(now + 7_000);

  assert.equal(shown(), "next");
});

test("an interruption without a restart shows a new track of the choice at once", () => {
  settleWith(player(1), playing(2));
  selection.choose(player(1));

  selection.interrupted();
  selection.update([player(1, { title: "next" }), playing(2)], now + 5_000);

  assert.deepEqual([shown(), selection.missing], ["next", false]);
});

test("a stored choice is restored by id or by name and track, and not by id alone", () => {
  const choice: Choice = { id: "player1", name: "app 1", title: "track 1", artist: "" };
  const restored = (...players: Player[]): string | undefined => {
    selection = new PlayerSelection(choice);
    selection.update(players, now);
    selection.tick(now + 60_000);
    return shown();
  };

  assert.equal(restored(playing(2), player(1, { title: "next" })), "next");
  assert.equal(restored(playing(1, { name: "app 2" }), player(2, { name: "app 1", title: "track 1" })), "track 1");
  assert.equal(restored(playing(2), player(1, { name: "other" })), "track 2");
});

test("clearing forgets the choice", () => {
  settleWith(player(1), playing(2));
  selection.choose(player(1));

  selection.clear();
  settleWith(player(1), playing(2));

  assert.equal(selection.choice?.id, undefined);
  assert.equal(shown(), "track 2");
});
