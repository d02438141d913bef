import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Link, type Effect } from "../src/session/link.ts";

const STATS = '{"event":"stats","args":["{\\"audio\\":[]}"]}';
const up = (uptime: number): string =>
  JSON.stringify({ event: "stats", args: [JSON.stringify({ uptime, audio: [] })] });
const EXPIRING = '{"event":"session expiring","args":["[10:30:45]: Your Session will expire"]}';
const ticket = (token: string) => ({ token, socket: `wss://desk/${token}` });

let link: Link;
let now: number;

/** What was decided, in short: `fetch 1`, `open 1`, `auth one on 1`, `close 1`, `show`, `clear`. */
function told(effects: Effect[]): string[] {
  return effects.map((effect) => {
    switch (effect.kind) {
      case "fetch ticket":
        return `fetch ${effect.attempt}`;
      case "open":
        return `open ${effect.line}`;
      case "transmit": {
        const { event, args } = JSON.parse(effect.text) as { event: string; args: string[] };
        return `${event} ${args[0] ?? ""} on ${effect.line}`;
      }
      case "close":
        return `close ${effect.line}`;
      default:
        return effect.kind;
    }
  });
}

/** Log in and see the first reading, on line 1 with the token `one`. */
function goLive(): void {
  link.start();
  link.ticket(1, ticket("one"), now);
  link.opened(1, now);
  link.heard(1, STATS, now);
  assert.equal(link.status.kind, "live");
}

function hear(line: number, until: number): void {
  for (; now < until; now += 1000) link.heard(line, STATS, now);
}

/** A line that is live, on which a reading has come each second: the last, of uptime 110, is the `last`. */
function goLiveWithUptime(): number {
  link.start();
  link.ticket(1, ticket("one"), now);
  link.opened(1, now);
  for (let uptime = 100; uptime <= 110; uptime += 1) {
    link.heard(1, up(uptime), now + (uptime - 100) * 1000);
  }
  return now + 10_000;
}

const staleSince = (): number | undefined =>
  link.status.kind === "stale" ? link.status.since : undefined;

beforeEach(() => {
  link = new Link();
  now = 1_000_000;
});

test("a ticket, a socket, auth at once, and live with the first reading", () => {
  assert.deepEqual(told(link.start()), ["fetch 1"]);
  assert.deepEqual(told(link.ticket(1, ticket("one"), now)), ["open 1"]);
  assert.deepEqual(told(link.opened(1, now)), ["auth one on 1"]);
  assert.equal(link.status.kind, "connecting");
  assert.deepEqual(told(link.heard(1, STATS, now)), ["show"]);
  assert.equal(link.status.kind, "live");
});

test("before a session expires the next one is there, and nothing is missed", () => {
  goLive();
  hear(1, now + 960_000);

  assert.deepEqual(told(link.heard(1, EXPIRING, now)), ["fetch 2"]);
  assert.deepEqual(told(link.ticket(2, ticket("two"), now + 100)), ["open 2"]);
  assert.deepEqual(told(link.opened(2, now)), ["auth two on 2"]);
  assert.deepEqual(told(link.heard(1, STATS, now + 150)), ["show"]);
  assert.deepEqual(told(link.heard(2, STATS, now + 200)), ["close 1", "show"]);
  assert.equal(link.status.kind, "live");
  assert.deepEqual(told(link.heard(1, STATS, now + 300)), [], "the older line is not heard");
  assert.deepEqual(told(link.closed(1, 1000, now + 300)), []);
  assert.equal(link.status.kind, "live");
});

test("a rollover that finds nobody is tried again while the old session lives", () => {
  goLive();
  link.heard(1, EXPIRING, now + 5000);
  link.noTicket(2, { status: 0, code: "unreachable" }, now + 5001);
  link.heard(1, STATS, now + 5500);

  assert.equal(link.status.kind, "live");
  assert.deepEqual(told(link.heard(1, STATS, now + 9000)), ["show"]);
  assert.deepEqual(told(link.heard(1, STATS, now + 10_001)), ["show", "fetch 3"]);
});

test("a session that warns at once is not rolled over and over", () => {
  goLive();
  assert.deepEqual(told(link.heard(1, EXPIRING, now + 10)), []);
  assert.deepEqual(told(link.heard(1, STATS, now + 1100)), ["show", "fetch 2"]);
});

test("4004 fetches a new token at once", () => {
  goLive();

  assert.deepEqual(told(link.closed(1, 4004, now + 10)), ["fetch 2"]);
  assert.equal(link.status.kind, "expired");
});

test("1006 connects again after five seconds with the same token", () => {
  goLive();

  assert.deepEqual(told(link.closed(1, 1006, now + 400)), []);
  assert.deepEqual(link.status, { kind: "stale", since: now });
  assert.equal(link.deadline, now + 5400);
  assert.deepEqual(told(link.tick(now + 5399)), []);
  assert.deepEqual(told(link.tick(now + 5400)), ["open 2"]);
  assert.deepEqual(told(link.opened(2, now)), ["auth one on 2"]);
});

test("a socket that cannot even be opened asks for a ticket next", () => {
  goLive();
  link.closed(1, 1006, now);
  link.tick(now + 5000);

  link.closed(2, 1006, now + 5001);

  assert.deepEqual(told(link.tick(now + 10_001)), ["fetch 2"]);
});

test("4001 leads to the login, and what was shown is forgotten", () => {
  goLive();

  assert.deepEqual(told(link.closed(1, 4001, now)), ["clear"]);
  assert.deepEqual(link.status, { kind: "logged out", why: "ended" });
  assert.equal(link.deadline, undefined);
});

test("1000 is final until somebody asks", () => {
  goLive();
  link.closed(1, 1000, now);

  assert.equal(link.status.kind, "ended");
  assert.equal(link.deadline, undefined);
  assert.deepEqual(told(link.nudge(now + 1)), ["open 2"]);
});

test("1001: the session is over and the desk away; a new session begins when it is back", () => {
  goLive();
  assert.deepEqual(told(link.closed(1, 1001, now)), []);
  assert.deepEqual(link.status, { kind: "away", since: now });
  assert.deepEqual(told(link.tick(now + 1000)), ["fetch 2"]);
  link.noTicket(2, { status: 0, code: "unreachable" }, now + 1001);
  assert.deepEqual(link.status, { kind: "away", since: now });
  assert.deepEqual(told(link.tick(now + 2001)), ["fetch 3"]);
  assert.deepEqual(told(link.ticket(3, ticket("three"), now + 2002)), ["open 2"]);
});

test("1013 is said, and tried again", () => {
  goLive();
  link.closed(1, 1013, now);

  assert.deepEqual(link.status, { kind: "refused", code: "1013" });
  assert.deepEqual(told(link.tick(now + 5000)), ["open 2"]);
});

test("without a login there is the login page; with one that ended, it says so", () => {
  link.start();
  link.noTicket(1, { status: 401, code: "token_refused" }, now);
  assert.deepEqual(link.status, { kind: "logged out", why: "first" });

  goLiveAgain();
  link.closed(1, 4004, now);
  link.noTicket(3, { status: 401, code: "token_refused" }, now);
  assert.deepEqual(link.status, { kind: "logged out", why: "expired" });

  function goLiveAgain(): void {
    link.start();
    link.ticket(2, ticket("one"), now);
    link.opened(1, now);
    link.heard(1, STATS, now);
  }
});

test("a desk that turns us down is asked again when it said", () => {
  link.start();
  link.noTicket(1, { status: 429, code: "throttled", retryAfter: 30_000 }, now);

  assert.deepEqual(link.status, { kind: "refused", code: "throttled" });
  assert.equal(link.deadline, now + 30_000);
});

test("silence shows at once, and since when", () => {
  goLive();
  hear(1, now + 10_000);
  const last = now - 1000;

  link.tick(last + 2499);
  assert.equal(link.status.kind, "live");
  link.tick(last + 2501);
  assert.deepEqual(link.status, { kind: "stale", since: last });
});

test("a silent line is left for a new one with the same token, and heals", () => {
  goLive();
  const effects: string[] = [];

  for (let at = now; at <= now + 8000; at += 100) effects.push(...told(link.tick(at)));
  assert.deepEqual(effects, ["close 1", "open 2"]);
  link.opened(2, now);
  link.heard(2, STATS, now + 8100);

  assert.equal(link.status.kind, "live");
});

/** Live five minutes with a desk that speaks every ten seconds, and after each word that often again,
    of a player: what is read on its beat is as old as then. Return when a line was opened, and how
    long the page was not live in the last four minutes. */
function withSlowDesk(changes: readonly number[], said: (spokeAt: number) => string): [number[], number] {
  goLive();
  const left: number[] = [];
  let spokeAt = now;
  let line = 1;
  let away = 0;

  for (let at = now; at <= now + 300_000; at += 100) {
    if (told(link.tick(at)).some((effect) => effect.startsWith("open"))) {
      left.push(at - now);
      line += 1;
      link.opened(line, at);
      link.heard(line, said(at - now), at);
      spokeAt = at;
    }
    const since = at - spokeAt;
    if (since === 10_000) spokeAt = at;
    if (since === 10_000 || changes.includes(since)) link.heard(line, said(spokeAt - now), at);
    if (at > now + 60_000 && link.status.kind !== "live") away += 100;
  }
  return [left, away];
}

test("a desk that speaks every ten seconds is left less and less, and then no more", () => {
  assert.deepEqual(withSlowDesk([], () => STATS), [[5500, 14_000], 0]);
});

test("what else such a desk tells in between changes nothing of that", () => {
  const busy = [100, 1_000, 2_000, 3_000, 3_100, 4_000, 5_000, 6_000, 7_000, 8_000, 9_000];

  const [left, away] = withSlowDesk(busy, (spokeAt) => up(100 + spokeAt / 1000));

  assert.equal(left.length, 2);
  assert.equal(away, 0);
});

test("one late word on the same line is enough to be live again", () => {
  goLive();
  link.tick(now + 2600);
  assert.equal(link.status.kind, "stale");

  link.heard(1, STATS, now + 2700);

  assert.equal(link.status.kind, "live");
});

test("a desk that speaks every five seconds is not stale between two words", () => {
  goLive();
  for (let at = now + 5000; at <= now + 20_000; at += 5000) link.heard(1, STATS, at);

  link.tick(now + 24_900);

  assert.equal(link.status.kind, "live");
});

test("a network that goes shows as stale at once, and one that returns is tried at once", () => {
  goLive();
  link.offline();
  assert.deepEqual(link.status, { kind: "stale", since: now });
  link.closed(1, 1006, now + 100);

  assert.deepEqual(told(link.nudge(now + 200)), ["open 2"]);
});

test("a machine that slept does not believe its socket", () => {
  goLive();

  assert.deepEqual(told(link.wake(now + 3_600_000)), ["open 2"]);
  assert.deepEqual(link.status, { kind: "stale", since: now });
  assert.deepEqual(told(link.closed(1, 4001, now + 3_600_010)), [], "replaced by our own new line");
  link.opened(2, now);
  link.heard(2, STATS, now + 3_600_020);
  assert.equal(link.status.kind, "live");
});

test("a page that nobody looks at stops asking, and is live soon after it is looked at", () => {
  goLive();
  link.hide(now);
  assert.deepEqual(told(link.tick(now + 2999)), []);
  assert.deepEqual(told(link.tick(now + 3000)), ["close 1"]);
  assert.equal(link.status.kind, "paused");
  assert.equal(link.deadline, undefined);

  assert.deepEqual(told(link.reveal(now + 600_000)), ["open 2"]);
  link.opened(2, now);
  link.heard(2, STATS, now + 600_050);
  assert.equal(link.status.kind, "live");
});

test("a look away that is short changes nothing", () => {
  goLive();
  link.hide(now);

  assert.deepEqual(told(link.reveal(now + 1000)), []);
  link.heard(1, STATS, now + 1000);
  assert.deepEqual(told(link.tick(now + 3100)), []);
  assert.equal(link.status.kind, "live");
});

test("a tap goes out on the line that is live, and nowhere else", () => {
  assert.deepEqual(told(link.command({ action: "stop", player: "player1" })), []);
  goLive();

  assert.deepEqual(told(link.command({ action: "stop", player: "player1" })), ["audio-stop player1 on 1"]);
  link.offline();
  assert.deepEqual(told(link.command({ action: "stop", player: "player1" })), []);
});

test("logging out closes and forgets", () => {
  goLive();

  assert.deepEqual(told(link.logOut()), ["close 1", "clear"]);
  assert.deepEqual(link.status, { kind: "logged out", why: "left" });
});

test("an answer to a question that is not asked any more is not heard", () => {
  link.start();
  link.logOut();

  assert.deepEqual(told(link.ticket(1, ticket("late"), now)), []);
  assert.equal(link.status.kind, "logged out");
});

test("a socket that neither opens nor fails is given up", () => {
  link.start();
  link.ticket(1, ticket("one"), now);

  assert.equal(link.deadline, now + 10_000);
  assert.deepEqual(told(link.tick(now + 10_000)), ["close 1"]);
  assert.equal(link.status.kind, "connecting");
  assert.deepEqual(told(link.tick(now + 15_000)), ["fetch 2"]);
});

test("a reading that was held up for long is shown as what was then, and is no news", () => {
  const last = goLiveWithUptime();
  link.tick(last + 2500);

  const [shown] = link.heard(1, up(111), last + 5000);

  assert.equal(staleSince(), last + 2000 + 5, "its second ended then, if clocks part no further");
  assert.ok(shown?.kind === "show" && shown.at === staleSince());
});

test("what a dead network held back makes the line live by its last words alone", () => {
  const last = goLiveWithUptime();
  link.tick(last + 2500);
  const kinds: string[] = [];

  for (let uptime = 111; uptime <= 115; uptime += 1) {
    link.heard(1, up(uptime), last + 5010);
    kinds.push(link.status.kind);
  }

  assert.deepEqual(kinds, ["stale", "stale", "live", "live", "live"]);
  link.tick(last + 8510);
  assert.equal(link.status.kind, "stale", "silence counts from when it was said");
});

test("a page that stood still says neither live nor a wrong time over what had piled up", () => {
  const last = goLiveWithUptime();

  assert.deepEqual(told(link.heard(1, up(111), last + 60_000)), ["show", "close 1", "open 2"]);
  assert.equal(staleSince(), last + 2000 + 60);
  assert.deepEqual(told(link.heard(1, up(112), last + 60_001)), []);
  assert.equal(link.status.kind, "stale");
  link.opened(2, last + 60_100);
  link.heard(2, up(170), last + 60_200);
  assert.equal(link.status.kind, "live");
});

test("a machine that slept is not live again by what had come before it slept", () => {
  const last = goLiveWithUptime();
  link.wake(last + 3_600_000);

  link.heard(1, up(111), last + 3_600_000);
  assert.equal(link.status.kind, "stale");
  link.opened(2, last + 3_600_100);
  link.heard(2, up(3711), last + 3_600_200);
  assert.equal(link.status.kind, "live");
});

test("what answers a new line is believed, whatever clock was set meanwhile", () => {
  const last = goLiveWithUptime();
  link.wake(last + 3_600_000);
  link.opened(2, last + 3_600_100);

  link.heard(2, up(111), last + 3_600_200);
  assert.equal(link.status.kind, "live");
  link.heard(2, up(112), last + 3_601_200);
  assert.equal(link.status.kind, "live");
});

test("an answer that was held up for long is no news either, and a further line is opened", () => {
  const last = goLiveWithUptime();
  link.closed(1, 1006, last + 100);
  link.tick(last + 5100);
  link.opened(2, last + 5110);

  assert.deepEqual(told(link.heard(2, up(115), last + 14_000)), ["show", "close 2", "open 3"]);
  assert.equal(staleSince(), last + 6000 + 14);
});

test("a desk that started anew is as good as it was", () => {
  const last = goLiveWithUptime();
  link.closed(1, 1006, last + 100);
  link.tick(last + 5100);
  link.opened(2, last + 5110);

  for (let uptime = 3; uptime <= 6; uptime += 1) {
    link.heard(2, up(uptime), last + 2200 + uptime * 1000);
    assert.equal(link.status.kind, "live");
  }
});

test("while a new line is on its way there is nothing to do until it is given up", () => {
  goLive();
  link.wake(now + 60_000);

  assert.equal(link.deadline, now + 70_000);
});
