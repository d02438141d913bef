import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, duration, percent, rate, time } from "../src/readings/format.ts";
import { History, POINTS, POINT_SPAN, Rate } from "../src/readings/series.ts";
import { textsFor } from "../src/texts.ts";

test("a point is the mean of its span, and the newest one is last", () => {
  const history = new History();
  for (const [value, now] of [[10, 0], [20, 1000], [40, POINT_SPAN]] as const) history.add(value, now);

  assert.deepEqual(history.points.slice(-3), [null, 15, 40]);
  assert.equal(history.points.length, POINTS);
});

test("silence leaves a gap, and a long silence clears the history", () => {
  const history = new History();
  history.add(1, 0);
  history.add(2, 3 * POINT_SPAN);
  assert.deepEqual(history.points.slice(-4), [1, null, null, 2]);

  history.add(3, 10_000 * POINT_SPAN);

  assert.deepEqual(history.points.filter((point) => point !== null), [3]);
});

test("an hour of readings takes as much memory as a minute", () => {
  const history = new History();
  for (let now = 0; now < 3_600_000; now += 1000) history.add(now, now);

  assert.equal(history.points.length, POINTS);
  assert.equal(history.points.at(-1), 3_597_500);
});

test("a rate is the growth of a total per second", () => {
  const rates = new Rate();
  assert.equal(rates.update(1000, 0), undefined);
  assert.equal(rates.update(3000, 1000), 2000);
  assert.equal(rates.update(3500, 1100), 2000, "two readings too close together");
  assert.equal(rates.update(4000, 3000), 500);
});

test("a rate stays while another device changes between two readings of the total", () => {
  const rates = new Rate();
  rates.update(1000, 0, 60);
  assert.equal(rates.update(3000, 1000, 61), 2000);
  assert.equal(rates.update(3000, 1700, 61), 2000);
  assert.equal(rates.update(3500, 2000, 62), 500);
});

test("there is no rate across a suspend, a restart or a missing reading", () => {
  const rates = new Rate();
  rates.update(1000, 0);
  assert.equal(rates.update(9_000_000, 3_600_000), undefined);
  assert.equal(rates.update(10, 3_601_000), undefined);
  assert.equal(rates.update(undefined, 3_602_000), undefined);
  assert.equal(rates.update(50, 3_603_000), undefined);
  assert.equal(rates.update(150, 3_604_000), 100);
});

test("numbers are formatted in the language of the page", () => {
  assert.deepEqual(bytes(11419623424, "en"), { value: "10.6", unit: "GiB" });
  assert.deepEqual(bytes(11419623424, "de"), { value: "10,6", unit: "GiB" });
  assert.deepEqual(bytes(0, "en"), { value: "0", unit: "B" });
  assert.deepEqual(bytes(1023.9, "en"), { value: "1.0", unit: "KiB" });
  assert.deepEqual(bytes(200 * 1024 ** 3, "en"), { value: "200", unit: "GiB" });
  assert.deepEqual(rate(1_250_000, "en"), { value: "1.3", unit: "MB/s" });
  assert.deepEqual(percent(18.8, "en"), { value: "19", unit: "%" });
  assert.deepEqual([time(0), time(115.9), time(3725)], ["0:00", "1:55", "1:02:05"]);
});

test("a long duration has its two largest units", () => {
  const en = textsFor(["en"]);

  assert.deepEqual(
    [59, 3 * 60, 11179, 200_000].map((seconds) => duration(seconds, en)),
    ["0 min", "3 min", "3 h 6 min", "2 d 7 h"],
  );
});

test("the page uses the first language that it supports", () => {
  assert.equal(textsFor(["fr-FR", "de-AT", "en"]).language, "de");
  assert.equal(textsFor(["ja"]).language, "en");
  assert.equal(textsFor([]).language, "en");
});
