import assert from "node:assert/strict";
import { test } from "node:test";
import { Clock } from "../src/session/clock.ts";

test("a clock that stopped in suspend is corrected and reports it once", () => {
  let [running, wall] = [1000, 1_700_000_000_000];
  const clock = new Clock(() => running, () => wall);
  const before = clock.now();
  running += 500;
  wall += 3_600_500;

  assert.equal(clock.wasSuspended(), true);
  assert.equal(clock.now() - before, 3_600_500);
  assert.equal(clock.wasSuspended(), false);
  assert.equal(clock.date(clock.now()).getTime(), wall);
});

test("a wall clock that is set back is no suspend", () => {
  let wall = 1_700_000_000_000;
  const clock = new Clock(() => 1000, () => wall);
  wall -= 7_200_000;

  assert.equal(clock.wasSuspended(), false);
  assert.equal(clock.now(), 1000);
});
