import assert from "node:assert/strict";
import { test } from "node:test";
import { Heartbeat, MessageAge } from "../src/session/freshness.ts";

const HOUR = 3_600_000;

test("a reading without delay was sent now", () => {
  const age = new MessageAge();

  assert.equal(age.sentAt(100, 5_000), 5_000);
  assert.equal(age.sentAt(101, 6_300), 6_300, "uptime is cut off to a second, so it may be new");
});

test("the age of a delayed reading is known to a second", () => {
  const age = new MessageAge();
  age.sentAt(100, 5_000);

  assert.equal(age.sentAt(101, 45_000), 7_000 + 40);
});

test("a delayed first reading is corrected by the next one without delay", () => {
  const age = new MessageAge();
  age.sentAt(100, 9_000);
  age.sentAt(101, 6_000);

  assert.equal(age.sentAt(102, 12_000), 8_000 + 6);
});

test("drifting clocks make no reading late within a day", () => {
  const age = new MessageAge();
  for (let uptime = 0; uptime < 86_400; uptime += 1) {
    const now = 5_000 + uptime * 1000.5;
    assert.equal(age.sentAt(uptime, now), now);
  }
});

test("a restarted desk has a new boot time", () => {
  const age = new MessageAge();
  age.sentAt(100, 5_000);

  assert.equal(age.sentAt(2, 65_000), 65_000);
  assert.equal(age.sentAt(3, 70_000), 67_000 + 5);
});

test("an answer is not older than its request", () => {
  const age = new MessageAge();
  age.sentAt(100, 5_000);

  assert.equal(age.sentAt(101, HOUR + 20, HOUR), HOUR + 20);
  assert.equal(age.sentAt(102, HOUR + 1_020), HOUR + 1_020);
});

test("a reading without uptime was sent now", () => {
  assert.equal(new MessageAge().sentAt(undefined, 5_000), 5_000);
});

test("one long interval changes nothing, several ones allow a longer silence", () => {
  const heartbeat = new Heartbeat();
  for (const now of [0, 1000, 2000, 60_000, 61_000]) heartbeat.record(now);
  assert.equal(heartbeat.overdueAt, 61_000 + 2500);

  for (const now of [66_000, 71_000, 76_000]) heartbeat.record(now);

  assert.ok(heartbeat.overdueAt > 81_000);
});
