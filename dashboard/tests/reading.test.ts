import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, percent, rate, span, time } from "../src/reading/format.ts";
import { History, POINTS, SPAN } from "../src/reading/history.ts";
import { lookedAt, ordered } from "../src/reading/order.ts";
import { Rate } from "../src/reading/rate.ts";
import type { Player } from "../src/session/snapshot.ts";
import { textsFor } from "../src/texts.ts";

const player = (id: string, playing = false): Player => ({ id, name: "", playing, title: "", artist: "" });
const ids = (players: readonly Player[]): string[] => players.map(({ id }) => id);

test("a point is the mean of its span, and the newest is last", () => {
  const history = new History();
  for (const [value, now] of [[10, 0], [20, 1000], [40, SPAN]] as const) history.take(value, now);

  assert.deepEqual(history.points.slice(-3), [null, 15, 40]);
  assert.equal(history.points.length, POINTS);
});

test("silence leaves a gap, and a long one leaves nothing", () => {
  const history = new History();
  history.take(1, 0);
  history.take(2, 3 * SPAN);
  assert.deepEqual(history.points.slice(-4), [1, null, null, 2]);

  history.take(3, 10_000 * SPAN);

  assert.deepEqual(history.points.filter((point) => point !== null), [3]);
});

test("an hour of readings takes no more room than a minute", () => {
  const history = new History();
  for (let now = 0; now < 3_600_000; now += 1000) history.take(now, now);

  assert.equal(history.points.length, POINTS);
  assert.equal(history.points.at(-1), 3_597_500);
});

test("a rate is what a total grew by a second", () => {
  const found = new Rate();
  assert.equal(found.take(1000, 0), undefined);
  assert.equal(found.take(3000, 1000), 2000);
  assert.equal(found.take(3500, 1100), 2000, "too soon to say");
  assert.equal(found.take(4000, 3000), 500);
});

test("a rate stands while something else changes between two readings of the total", () => {
  const found = new Rate();
  found.take(1000, 0, 60);
  assert.equal(found.take(3000, 1000, 61), 2000);
  assert.equal(found.take(3000, 1700, 61), 2000);
  assert.equal(found.take(3500, 2000, 62), 500);
});

test("there is no rate over a sleep, a restart or an absence", () => {
  const found = new Rate();
  found.take(1000, 0);
  assert.equal(found.take(9_000_000, 3_600_000), undefined);
  assert.equal(found.take(10, 3_601_000), undefined);
  assert.equal(found.take(undefined, 3_602_000), undefined);
  assert.equal(found.take(50, 3_603_000), undefined);
  assert.equal(found.take(150, 3_604_000), 100);
});

test("players that play come first, and nothing moves when one pauses", () => {
  const before = ["player1", "player2", "player3"];
  const two = ordered(before, [player("player1"), player("player2", true), player("player3"), player("player4")]);
  assert.deepEqual(ids(two), ["player2", "player1", "player3", "player4"]);

  assert.deepEqual(ids(ordered(ids(two), two.map(({ id }) => player(id)))), ids(two));
});

test("the playing player is looked at; a paused one stays; a chosen one stays chosen", () => {
  const [one, two] = [player("player1"), player("player2", true)];
  assert.equal(lookedAt(undefined, undefined, [two, one]), two);
  assert.equal(lookedAt(undefined, "player1", [two, one]), two);
  assert.equal(lookedAt("player1", "player1", [two, one]), one);
  assert.equal(lookedAt(undefined, "player1", [player("player2"), one]), one);
  assert.equal(lookedAt("player9", "player9", [two, one]), two);
  assert.equal(lookedAt(undefined, undefined, []), undefined);
});

test("numbers read as people write them, each language its own way", () => {
  assert.deepEqual(bytes(11419623424, "en"), { value: "10.6", unit: "GiB" });
  assert.deepEqual(bytes(11419623424, "de"), { value: "10,6", unit: "GiB" });
  assert.deepEqual(bytes(0, "en"), { value: "0", unit: "B" });
  assert.deepEqual(bytes(1023.9, "en"), { value: "1.0", unit: "KiB" });
  assert.deepEqual(bytes(200 * 1024 ** 3, "en"), { value: "200", unit: "GiB" });
  assert.deepEqual(rate(1_250_000, "en"), { value: "1.3", unit: "MB/s" });
  assert.deepEqual(percent(18.8, "en"), { value: "19", unit: "%" });
  assert.deepEqual([time(0), time(115.9), time(3725)], ["0:00", "1:55", "1:02:05"]);
});

test("a long span is said by its two largest units", () => {
  const en = textsFor(["en"]);

  assert.deepEqual(
    [59, 3 * 60, 11179, 200_000].map((seconds) => span(seconds, en)),
    ["0 min", "3 min", "3 h 6 min", "2 d 7 h"],
  );
});

test("the language is the first wanted one that the page speaks", () => {
  assert.equal(textsFor(["fr-FR", "de-AT", "en"]).language, "de");
  assert.equal(textsFor(["ja"]).language, "en");
  assert.equal(textsFor([]).language, "en");
});
