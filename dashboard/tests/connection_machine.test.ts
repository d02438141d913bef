import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { ConnectionMachine } from "../src/session/connection_machine.ts";
import { brief, EXPIRING, liveMachine, START, STATS, token } from "./support.ts";

let machine: ConnectionMachine;
let now: number;

beforeEach(() => {
  machine = new ConnectionMachine();
  now = START;
});

const kind = (): string => machine.status.kind;

/** Receive a reading each second until `end`. */
function receiveUntil(socket: number, end: number): void {
  for (; now < end; now += 1000) machine.received(socket, STATS, now);
}

test("after the log-in: token, socket, auth, and live with the first reading", () => {
  assert.deepEqual(brief(machine.start()), ["fetch 1"]);
  assert.deepEqual(brief(machine.tokenFetched(1, token("one"), now)), ["open 1"]);
  assert.deepEqual(brief(machine.opened(1, now)), ["auth one on 1"]);
  assert.equal(machine.status.kind, "connecting");
  assert.deepEqual(brief(machine.received(1, STATS, now)), ["show"]);
  assert.equal(machine.status.kind, "live");
});

test("an expiring session is replaced before its end, without a gap", () => {
  machine = liveMachine();
  receiveUntil(1, now + 960_000);

  assert.deepEqual(brief(machine.received(1, EXPIRING, now)), ["fetch 2"]);
  assert.deepEqual(brief(machine.tokenFetched(2, token("two"), now + 100)), ["open 2"]);
  assert.deepEqual(brief(machine.opened(2, now)), ["auth two on 2"]);
  assert.deepEqual(brief(machine.received(1, STATS, now + 150)), ["show"]);
  assert.deepEqual(brief(machine.received(2, STATS, now + 200)), ["close 1", "show"]);
  assert.equal(machine.status.kind, "live");
  assert.deepEqual(brief(machine.received(1, STATS, now + 300)), [], "messages of the older socket are ignored");
  assert.deepEqual(brief(machine.closed(1, 1000, now + 300)), []);
  assert.equal(machine.status.kind, "live");
});

test("a failed renewal is repeated while the old session is live", () => {
  machine = liveMachine();
  machine.received(1, EXPIRING, now + 5000);
  machine.tokenFailed(2, { status: 0, code: "unreachable" }, now + 5001);
  machine.received(1, STATS, now + 5500);

  assert.equal(machine.status.kind, "live");
  assert.deepEqual(brief(machine.received(1, STATS, now + 9000)), ["show"]);
  assert.deepEqual(brief(machine.received(1, STATS, now + 10_001)), ["show", "fetch 3"]);
});

test("a session that expires at once is renewed at most once a second", () => {
  machine = liveMachine();
  assert.deepEqual(brief(machine.received(1, EXPIRING, now + 10)), []);
  assert.deepEqual(brief(machine.received(1, STATS, now + 1100)), ["show", "fetch 2"]);
});

test("4004 fetches a new token at once", () => {
  machine = liveMachine();

  assert.deepEqual(brief(machine.closed(1, 4004, now + 10)), ["fetch 2"]);
  assert.equal(machine.status.kind, "expired");
});

test("1006 connects again after five seconds with the same token", () => {
  machine = liveMachine();

  assert.deepEqual(brief(machine.closed(1, 1006, now + 400)), []);
  assert.deepEqual(machine.status, { kind: "stale", since: now });
  assert.equal(machine.deadline, now + 5400);
  assert.deepEqual(brief(machine.tick(now + 5399)), []);
  assert.deepEqual(brief(machine.tick(now + 5400)), ["open 2"]);
  assert.deepEqual(brief(machine.opened(2, now)), ["auth one on 2"]);
});

test("after a socket that failed to open, a new token is fetched", () => {
  machine = liveMachine();
  machine.closed(1, 1006, now);
  machine.tick(now + 5000);

  machine.closed(2, 1006, now + 5001);

  assert.deepEqual(brief(machine.tick(now + 10_001)), ["fetch 2"]);
});

test("4001 leads to the log-in and clears the page", () => {
  machine = liveMachine();

  assert.deepEqual(brief(machine.closed(1, 4001, now)), ["clear"]);
  assert.deepEqual(machine.status, { kind: "logged out", reason: "ended" });
  assert.equal(machine.deadline, undefined);
});

test("1000 is final until the user retries", () => {
  machine = liveMachine();
  machine.closed(1, 1000, now);

  assert.equal(machine.status.kind, "ended");
  assert.equal(machine.deadline, undefined);
  assert.deepEqual(brief(machine.retryNow(now + 1)), ["open 2"]);
});

test("1001 means that the desk is away; a new session begins when it is back", () => {
  machine = liveMachine();
  assert.deepEqual(brief(machine.closed(1, 1001, now)), []);
  assert.deepEqual(machine.status, { kind: "away", since: now });
  assert.deepEqual(brief(machine.tick(now + 1000)), ["fetch 2"]);
  machine.tokenFailed(2, { status: 0, code: "unreachable" }, now + 1001);
  assert.deepEqual(machine.status, { kind: "away", since: now });
  assert.deepEqual(brief(machine.tick(now + 2001)), ["fetch 3"]);
  assert.deepEqual(brief(machine.tokenFetched(3, token("three"), now + 2002)), ["open 2"]);
});

test("1013 is shown, and retried", () => {
  machine = liveMachine();
  machine.closed(1, 1013, now);

  assert.deepEqual(machine.status, { kind: "refused", code: "1013" });
  assert.deepEqual(brief(machine.tick(now + 5000)), ["open 2"]);
});

test("without a login the form is shown; after an expired login, with the reason", () => {
  machine.start();
  machine.tokenFailed(1, { status: 401, code: "token_refused" }, now);
  assert.deepEqual(machine.status, { kind: "logged out", reason: "first" });

  goLiveAgain();
  machine.closed(1, 4004, now);
  machine.tokenFailed(3, { status: 401, code: "token_refused" }, now);
  assert.deepEqual(machine.status, { kind: "logged out", reason: "expired" });

  function goLiveAgain(): void {
    machine.start();
    machine.tokenFetched(2, token("one"), now);
    machine.opened(1, now);
    machine.received(1, STATS, now);
  }
});

test("Retry-After is the delay of the next attempt", () => {
  machine.start();
  machine.tokenFailed(1, { status: 429, code: "throttled", retryAfter: 30_000 }, now);

  assert.deepEqual(machine.status, { kind: "refused", code: "throttled" });
  assert.equal(machine.deadline, now + 30_000);
});

test("a lost network is stale at once, and a restored one is retried at once", () => {
  machine = liveMachine();
  machine.offline();
  assert.deepEqual(machine.status, { kind: "stale", since: now });
  machine.closed(1, 1006, now + 100);

  assert.deepEqual(brief(machine.retryNow(now + 200)), ["open 2"]);
});

test("after a suspend the socket is replaced", () => {
  machine = liveMachine();

  assert.deepEqual(brief(machine.wake(now + 3_600_000)), ["open 2"]);
  assert.deepEqual(machine.status, { kind: "stale", since: now });
  assert.deepEqual(brief(machine.closed(1, 4001, now + 3_600_010)), [], "the machine itself replaced it");
  machine.opened(2, now);
  machine.received(2, STATS, now + 3_600_020);
  assert.equal(machine.status.kind, "live");
});

test("a hidden page disconnects, and is live soon after it is visible again", () => {
  machine = liveMachine();
  machine.hide(now);
  assert.deepEqual(brief(machine.tick(now + 2999)), []);
  assert.deepEqual(brief(machine.tick(now + 3000)), ["close 1"]);
  assert.equal(machine.status.kind, "paused");
  assert.equal(machine.deadline, undefined);

  assert.deepEqual(brief(machine.reveal(now + 600_000)), ["open 2"]);
  machine.opened(2, now);
  machine.received(2, STATS, now + 600_050);
  assert.equal(machine.status.kind, "live");
});

test("hiding the page for a moment changes nothing", () => {
  machine = liveMachine();
  machine.hide(now);

  assert.deepEqual(brief(machine.reveal(now + 1000)), []);
  machine.received(1, STATS, now + 1000);
  assert.deepEqual(brief(machine.tick(now + 3100)), []);
  assert.equal(machine.status.kind, "live");
});

test("a command is sent on the live socket only", () => {
  assert.deepEqual(brief(machine.command({ action: "stop", player: "player1" })), []);
  machine = liveMachine();

  assert.deepEqual(brief(machine.command({ action: "stop", player: "player1" })), ["audio-stop player1 on 1"]);
  machine.offline();
  assert.deepEqual(brief(machine.command({ action: "stop", player: "player1" })), []);
});

test("log-out closes the socket and clears the page", () => {
  machine = liveMachine();

  assert.deepEqual(brief(machine.logOut()), ["close 1", "clear"]);
  assert.deepEqual(machine.status, { kind: "logged out", reason: "left" });
});

test("a token that arrives after the log-out is ignored", () => {
  machine.start();
  machine.logOut();

  assert.deepEqual(brief(machine.tokenFetched(1, token("late"), now)), []);
  assert.equal(machine.status.kind, "logged out");
});

test("a socket that neither opens nor fails is closed after a timeout", () => {
  machine.start();
  machine.tokenFetched(1, token("one"), now);

  assert.equal(machine.deadline, now + 10_000);
  assert.deepEqual(brief(machine.tick(now + 10_000)), ["close 1"]);
  assert.equal(machine.status.kind, "connecting");
  assert.deepEqual(brief(machine.tick(now + 15_000)), ["fetch 2"]);
});

test("while a socket opens, the next deadline is its timeout", () => {
  machine = liveMachine();
  machine.wake(now + 60_000);

  assert.equal(machine.deadline, now + 70_000);
});

test("two sockets that fail to open after a fetched token mean that WebSockets are blocked", () => {
  machine.start();
  machine.tokenFetched(1, token("one"), now);
  machine.closed(1, 1006, now + 10);
  assert.equal(kind(), "connecting");
  assert.deepEqual(brief(machine.tick(now + 5010)), ["fetch 2"]);
  machine.tokenFetched(2, token("two"), now + 5020);

  machine.closed(2, 1006, now + 5030);

  assert.equal(kind(), "blocked");
  assert.deepEqual(brief(machine.tick(now + 10_030)), ["fetch 3"]);
  machine.tokenFetched(3, token("three"), now + 10_040);
  machine.opened(3, now + 10_050);
  machine.received(3, STATS, now + 10_060);
  assert.equal(kind(), "live");
});

test("an unreachable desk is not blocked", () => {
  machine = liveMachine();
  machine.closed(1, 1006, now);
  machine.tick(now + 5000);
  machine.closed(2, 1006, now + 5010);
  machine.tick(now + 10_010);
  machine.tokenFetched(2, token("two"), now + 10_020);
  machine.closed(3, 1006, now + 10_030);
  machine.tick(now + 15_030);
  machine.tokenFailed(3, { status: 0, code: "unreachable" }, now + 15_040);
  machine.tick(now + 20_040);
  machine.tokenFetched(4, token("four"), now + 20_050);

  machine.closed(4, 1006, now + 20_060);

  assert.equal(kind(), "stale");
});
