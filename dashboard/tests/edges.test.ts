import assert from "node:assert/strict";
import { test } from "node:test";
import { Clock } from "../src/session/clock.ts";
import { besideThePage } from "../src/session/door.ts";
import { Pulse } from "../src/session/pulse.ts";
import { afterClose } from "../src/session/close_codes.ts";

test("a clock that stood still in suspend is set right, and says so once", () => {
  let [running, wall] = [1000, 1_700_000_000_000];
  const clock = new Clock(() => running, () => wall);
  const before = clock.now();
  running += 500;
  wall += 3_600_500;

  assert.equal(clock.slept(), true);
  assert.equal(clock.now() - before, 3_600_500);
  assert.equal(clock.slept(), false);
  assert.equal(clock.date(clock.now()).getTime(), wall);
});

test("a wall clock that is set back was no sleep", () => {
  let wall = 1_700_000_000_000;
  const clock = new Clock(() => 1000, () => wall);
  wall -= 7_200_000;

  assert.equal(clock.slept(), false);
  assert.equal(clock.now(), 1000);
});

test("the socket is opened where the page came from", () => {
  const socket = "wss://desk.example:8765/v1/monitor/6b1c/ws";
  const at = (page: string): string => besideThePage(socket, page);

  assert.equal(at("https://192.168.1.5:8765/"), "wss://192.168.1.5:8765/v1/monitor/6b1c/ws");
  assert.equal(at("http://127.0.0.1:8765/"), "ws://127.0.0.1:8765/v1/monitor/6b1c/ws");
  assert.equal(at("https://home.example/desk/"), "wss://home.example/desk/v1/monitor/6b1c/ws");
  const prefixed = "wss://home.example/desk/v1/monitor/6b1c/ws";
  assert.equal(besideThePage(prefixed, "https://home.example/desk/"), prefixed);
});

test("one long silence is not a habit, several are", () => {
  const pulse = new Pulse();
  for (const now of [0, 1000, 2000, 60_000, 61_000]) pulse.beat(now);
  assert.equal(pulse.silentAt, 61_000 + 2500);

  for (const now of [66_000, 71_000, 76_000]) pulse.beat(now);

  assert.ok(pulse.silentAt > 81_000);
});

test("close codes mean what the contract's table says; others are abnormal", () => {
  const table = [1000, 1001, 1006, 4001, 4004, 1008, 1011, 1013].map(afterClose);

  assert.deepEqual(table, [
    "stop", "stop", "reconnect", "log in", "refresh", "reconnect", "reconnect", "reconnect",
  ]);
});
