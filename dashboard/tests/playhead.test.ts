import assert from "node:assert/strict";
import { test } from "node:test";
import { Playhead } from "../src/players/playhead.ts";
import type { Player } from "../src/session/snapshot.ts";

const player = (position: number, more: Partial<Player> = {}): Player => ({
  id: "player1", name: "mpv", playing: true, title: "a", artist: "", position, duration: 200, ...more,
});

test("the playhead advances between two readings and never goes back", () => {
  const head = new Playhead();
  let before = 0;

  for (let now = 0; now < 60_000; now += 1000 + (now % 7) * 11) {
    head.update(player(Math.floor(10.6 + now / 1000)), now);
    for (let later = now; later < now + 1000; later += 100) {
      const at = head.at(later);
      assert.ok(at >= before - 0.001, `${at} after ${before}`);
      before = at;
    }
    assert.ok(Math.abs(head.at(now) - (10.6 + now / 1000)) <= 1);
  }
});

test("a seek moves the playhead", () => {
  const head = new Playhead();
  head.update(player(10), 0);
  head.update(player(150), 1000);

  assert.equal(head.at(1000), 150);
});

test("a new track starts at its own position", () => {
  const head = new Playhead();
  head.update(player(11), 0);
  head.update(player(11, { title: "b" }), 900);

  assert.equal(head.at(900), 11);
});

test("a paused track stands still", () => {
  const head = new Playhead();
  head.update(player(10), 0);
  head.update(player(10, { playing: false }), 500);

  assert.equal(head.at(60_000), 10.5);
  assert.equal(head.steps(300), 0);
});

test("the playhead stops at the end, and has no share without a duration", () => {
  const head = new Playhead();
  head.update(player(199), 0);
  assert.equal(head.at(10_000), 200);
  assert.equal(head.share(10_000), 1);

  const { duration: _, ...endless } = player(5);
  head.update(endless, 0);

  assert.equal(head.share(1000), 0);
});

test("the bar moves so often that its steps are short, and at most twice a second", () => {
  const head = new Playhead();
  head.update(player(0), 0);

  assert.deepEqual([0, 50, 200, 201, 1e9].map((heights) => head.steps(heights)), [1, 1, 1, 2, 2]);

  const { duration: _, ...endless } = player(5);
  head.update(endless, 0);

  assert.equal(head.steps(50), 1, "the time advances without a bar");
});
