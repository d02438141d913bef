import assert from "node:assert/strict";
import { test } from "node:test";
import { Postmark } from "../src/session/postmark.ts";

const HOUR = 3_600_000;

test("a reading that comes as soon as ever was said now", () => {
  const postmark = new Postmark();

  assert.equal(postmark.read(100, 5_000), 5_000);
  assert.equal(postmark.read(101, 6_300), 6_300, "the second is cut off: it may be new");
});

test("a reading that comes later than others was said before, and by how much is told to the second", () => {
  const postmark = new Postmark();
  postmark.read(100, 5_000);

  assert.equal(postmark.read(101, 45_000), 7_000 + 40);
});

test("the first that was late is found out by the next that is not", () => {
  const postmark = new Postmark();
  postmark.read(100, 9_000);
  postmark.read(101, 6_000);

  assert.equal(postmark.read(102, 12_000), 8_000 + 6);
});

test("clocks that part make nothing late in a day", () => {
  const postmark = new Postmark();
  for (let uptime = 0; uptime < 86_400; uptime += 1) {
    const now = 5_000 + uptime * 1000.5;
    assert.equal(postmark.read(uptime, now), now);
  }
});

test("a desk that began anew has its own uptime", () => {
  const postmark = new Postmark();
  postmark.read(100, 5_000);

  assert.equal(postmark.read(2, 65_000), 65_000);
  assert.equal(postmark.read(3, 70_000), 67_000 + 5);
});

test("what answers is no older than the question", () => {
  const postmark = new Postmark();
  postmark.read(100, 5_000);

  assert.equal(postmark.read(101, HOUR + 20, HOUR), HOUR + 20);
  assert.equal(postmark.read(102, HOUR + 1_020), HOUR + 1_020);
});

test("without an uptime a reading is new", () => {
  assert.equal(new Postmark().read(undefined, 5_000), 5_000);
});
