import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { ConnectionMachine } from "../src/session/connection_machine.ts";
import { brief, liveMachine, START, STATS, statsAt, token } from "./support.ts";

let machine: ConnectionMachine;
let now: number;

beforeEach(() => {
  machine = new ConnectionMachine();
  now = START;
});

/** Receive a reading each second until `end`. */
function receiveUntil(socket: number, end: number): void {
  for (; now < end; now += 1000) machine.received(socket, STATS, now);
}

/** Go live with a reading each second; the last one has uptime 110. Return its time. */
function goLiveWithUptime(): number {
  machine.start();
  machine.tokenFetched(1, token("one"), now);
  machine.opened(1, now);
  for (let uptime = 100; uptime <= 110; uptime += 1) {
    machine.received(1, statsAt(uptime), now + (uptime - 100) * 1000);
  }
  return now + 10_000;
}

const staleSince = (): number | undefined =>
  machine.status.kind === "stale" ? machine.status.since : undefined;

/** Run five minutes with a desk that sends a reading every ten seconds, and further ones of a player after
    `changes` milliseconds; those carry the uptime of the interval. Return the times at which a new socket
    was opened, and how long the status was not live after the first minute. */
function withSlowDesk(changes: readonly number[], reading: (sentAt: number) => string): [number[], number] {
  machine = liveMachine();
  const replaced: number[] = [];
  let intervalAt = now;
  let socket = 1;
  let notLive = 0;

  for (let at = now; at <= now + 300_000; at += 100) {
    if (brief(machine.tick(at)).some((effect) => effect.startsWith("open"))) {
      replaced.push(at - now);
      socket += 1;
      machine.opened(socket, at);
      machine.received(socket, reading(at - now), at);
      intervalAt = at;
    }
    const since = at - intervalAt;
    if (since === 10_000) intervalAt = at;
    if (since === 10_000 || changes.includes(since)) machine.received(socket, reading(intervalAt - now), at);
    if (at > now + 60_000 && machine.status.kind !== "live") notLive += 100;
  }
  return [replaced, notLive];
}

test("silence is shown as stale since the last reading", () => {
  machine = liveMachine();
  receiveUntil(1, now + 10_000);
  const last = now - 1000;

  machine.tick(last + 2499);
  assert.equal(machine.status.kind, "live");
  machine.tick(last + 2501);
  assert.deepEqual(machine.status, { kind: "stale", since: last });
});

test("a silent socket is replaced by one with the same token", () => {
  machine = liveMachine();
  const effects: string[] = [];

  for (let at = now; at <= now + 8000; at += 100) effects.push(...brief(machine.tick(at)));
  assert.deepEqual(effects, ["close 1", "open 2"]);
  machine.opened(2, now);
  machine.received(2, STATS, now + 8100);

  assert.equal(machine.status.kind, "live");
});

test("a desk with an interval of ten seconds is left ever later, and then no more", () => {
  assert.deepEqual(withSlowDesk([], () => STATS), [[5500, 14_000], 0]);
});

test("readings between two intervals of such a desk change nothing", () => {
  const busy = [100, 1_000, 2_000, 3_000, 3_100, 4_000, 5_000, 6_000, 7_000, 8_000, 9_000];

  const [replaced, notLive] = withSlowDesk(busy, (sentAt) => statsAt(100 + sentAt / 1000));

  assert.equal(replaced.length, 2);
  assert.equal(notLive, 0);
});

test("one late reading on the same socket makes the status live", () => {
  machine = liveMachine();
  machine.tick(now + 2600);
  assert.equal(machine.status.kind, "stale");

  machine.received(1, STATS, now + 2700);

  assert.equal(machine.status.kind, "live");
});

test("a desk with an interval of five seconds is not stale between two readings", () => {
  machine = liveMachine();
  for (let at = now + 5000; at <= now + 20_000; at += 5000) machine.received(1, STATS, at);

  machine.tick(now + 24_900);

  assert.equal(machine.status.kind, "live");
});

test("a long delayed reading is shown with its own time, and the status stays stale", () => {
  const last = goLiveWithUptime();
  machine.tick(last + 2500);

  const [shown] = machine.received(1, statsAt(111), last + 5000);

  assert.equal(staleSince(), last + 2000 + 5, "its second ended then, with the largest drift");
  assert.ok(shown?.kind === "show" && shown.at === staleSince());
});

test("of the readings that a dead network held back, the last ones make the status live", () => {
  const last = goLiveWithUptime();
  machine.tick(last + 2500);
  const kinds: string[] = [];

  for (let uptime = 111; uptime <= 115; uptime += 1) {
    machine.received(1, statsAt(uptime), last + 5010);
    kinds.push(machine.status.kind);
  }

  assert.deepEqual(kinds, ["stale", "stale", "live", "live", "live"]);
  machine.tick(last + 8510);
  assert.equal(machine.status.kind, "stale", "silence counts from the time of sending");
});

test("a suspended page shows queued readings as stale, with their own time", () => {
  const last = goLiveWithUptime();

  assert.deepEqual(brief(machine.received(1, statsAt(111), last + 60_000)), ["show", "close 1", "open 2"]);
  assert.equal(staleSince(), last + 2000 + 60);
  assert.deepEqual(brief(machine.received(1, statsAt(112), last + 60_001)), []);
  assert.equal(machine.status.kind, "stale");
  machine.opened(2, last + 60_100);
  machine.received(2, statsAt(170), last + 60_200);
  assert.equal(machine.status.kind, "live");
});

test("readings from before a suspend do not make the status live", () => {
  const last = goLiveWithUptime();
  machine.wake(last + 3_600_000);

  machine.received(1, statsAt(111), last + 3_600_000);
  assert.equal(machine.status.kind, "stale");
  machine.opened(2, last + 3_600_100);
  machine.received(2, statsAt(3711), last + 3_600_200);
  assert.equal(machine.status.kind, "live");
});

test("the answer on a new socket is fresh, even if a clock was set meanwhile", () => {
  const last = goLiveWithUptime();
  machine.wake(last + 3_600_000);
  machine.opened(2, last + 3_600_100);

  machine.received(2, statsAt(111), last + 3_600_200);
  assert.equal(machine.status.kind, "live");
  machine.received(2, statsAt(112), last + 3_601_200);
  assert.equal(machine.status.kind, "live");
});

test("a long delayed answer is stale too, and a further socket is opened", () => {
  const last = goLiveWithUptime();
  machine.closed(1, 1006, last + 100);
  machine.tick(last + 5100);
  machine.opened(2, last + 5110);

  assert.deepEqual(brief(machine.received(2, statsAt(115), last + 14_000)), ["show", "close 2", "open 3"]);
  assert.equal(staleSince(), last + 6000 + 14);
});

test("a restarted desk is live as before", () => {
  const last = goLiveWithUptime();
  machine.closed(1, 1006, last + 100);
  machine.tick(last + 5100);
  machine.opened(2, last + 5110);

  for (let uptime = 3; uptime <= 6; uptime += 1) {
    machine.received(2, statsAt(uptime), last + 2200 + uptime * 1000);
    assert.equal(machine.status.kind, "live");
  }
});
