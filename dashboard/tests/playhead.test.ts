import assert from "node:assert/strict";
import { test } from "node:test";
import { Playhead } from "../src/session/playhead.ts";
import type { Player } from "../src/session/snapshot.ts";

const player = (position: number, more: Partial<Player> = {}): Player => ({
  id: "player1", name: "mpv", playing: true, title: "a", artist: "", position, duration: 200, ...more,
});

test("it runs on between two readings and never back, though seconds are cut off", () => {
  const head = new Playhead();
  let before = 0;

  for (let now = 0; now < 60_000; now += 1000 + (now % 7) * 11) {
    head.see(player(Math.floor(10.6 + now / 1000)), now);
    for (let later = now; later < now + 1000; later += 100) {
      const at = head.at(later);
      assert.ok(at >= before - 0.001, `${at} after ${before}`);
      before = at;
    }
    assert.ok(Math.abs(head.at(now) - (10.6 + now / 1000)) <= 1);
  }
});

test("a seek is followed", () => {
  const head = new Playhead();
  head.see(player(10), 0);
  head.see(player(150), 1000);

  assert.equal(head.at(1000), 150);
});

test("another track begins where it is", () => {
  const head = new Playhead();
  head.see(player(11), 0);
  head.see(player(11, { title: "b" }), 900);

  assert.equal(head.at(900), 11);
});

test("a paused track stands", () => {
  const head = new Playhead();
  head.see(player(10), 0);
  head.see(player(10, { playing: false }), 500);

  assert.equal(head.at(60_000), 10.5);
  assert.equal(head.steps(300), 0);
});

test("it does not run beyond the end, nor has a share of what has none", () => {
  const head = new Playhead();
  head.see(player(199), 0);
  assert.equal(head.at(10_000), 200);
  assert.equal(head.share(10_000), 1);

  const { duration: _, ...endless } = player(5);
  head.see(endless, 0);

  assert.equal(head.share(1000), 0);
});

test("the bar is moved as often as its steps stay short, and never more than twice a second", () => {
  const head = new Playhead();
  head.see(player(0), 0);

  assert.deepEqual([0, 50, 200, 201, 1e9].map((heights) => head.steps(heights)), [1, 1, 1, 2, 2]);

  const { duration: _, ...endless } = player(5);
  head.see(endless, 0);

  assert.equal(head.steps(50), 1, "the time goes on where there is no bar");
});
