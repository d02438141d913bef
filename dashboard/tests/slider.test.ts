import assert from "node:assert/strict";
import { test } from "node:test";
import { SliderState } from "../src/players/slider.ts";

test("the desk's value is shown until the user moves the slider", () => {
  const slider = new SliderState();

  assert.equal(slider.shown(40, 0), 40);
  assert.equal(slider.move(60, 10), 60);
  assert.equal(slider.shown(40, 20), 60);
});

test("the desk's value is shown again a moment after the last move", () => {
  const slider = new SliderState();
  slider.move(60, 0);

  assert.equal(slider.shown(41, 1_000), 60);
  assert.equal(slider.deadline(1_000), 1_500);
  assert.equal(slider.shown(41, 1_500), 41);
});

test("at most ten values a second are sent, and the last one always", () => {
  const slider = new SliderState();
  const sent: number[] = [];
  for (let now = 0; now < 1_000; now += 10) {
    const due = slider.move(now / 10, now);
    if (due !== undefined) sent.push(due);
  }
  const deadline = slider.deadline(1_000);
  const last = slider.flush(deadline ?? 0);

  assert.equal(sent.length, 10);
  assert.equal(last, 99);
  assert.equal(slider.flush(5_000), undefined);
});
