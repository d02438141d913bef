import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encodeAuth, encodeCommand, snapshotOf as snapshotOfTopics } from "../src/session/codec.ts";

const stats = (reading: unknown): string =>
  JSON.stringify({ event: "stats", args: [JSON.stringify(reading)] });

const snapshotOf = (reading: unknown) => {
  const message = decode(stats(reading));
  assert.equal(message?.kind, "stats");
  return message.snapshot;
};

test("a complete reading is decoded", () => {
  const snapshot = snapshotOf({
    memory_bytes: 11419623424,
    cpu_absolute: 18.8,
    network: { rx_bytes: 3682862139, tx_bytes: 102412526 },
    uptime: 11179,
    disk_bytes: 200050167808,
    audio: [
      {
        id: "player1", name: "Chrome", playing: true, artist: "Hoobastank", title: "The Reason",
        album: "Fallen", art_url: "/v1/img/tmp/L3RtcA==", timestamp: 115, duration: 232,
      },
      {
        id: "player2", name: "Firefox", playing: false, artist: "Artist Name",
        title: "Video Title", timestamp: 1671, duration: 3215,
      },
    ],
    wifi: { ssid: "Bazinga! 5G", connected: true },
    battery: { percentage: 100, plugged_in: true },
    volume: 88,
    backlight: 64,
  });

  assert.deepEqual(snapshot, {
    players: [
      {
        id: "player1", name: "Chrome", playing: true, artist: "Hoobastank", title: "The Reason",
        album: "Fallen", art: "v1/img/tmp/L3RtcA==", position: 115, duration: 232,
      },
      {
        id: "player2", name: "Firefox", playing: false, artist: "Artist Name",
        title: "Video Title", position: 1671, duration: 3215,
      },
    ],
    memory: 11419623424,
    cpu: 18.8,
    network: { received: 3682862139, sent: 102412526 },
    uptime: 11179,
    disk: 200050167808,
    wifi: { ssid: "Bazinga! 5G", connected: true },
    battery: { charge: 100, pluggedIn: true },
    volume: 88,
    backlight: 64,
  });
});

test("a missing device is a missing key", () => {
  assert.deepEqual(snapshotOf({ audio: [] }), { players: [] });
});

test("a value of a wrong type is ignored, and the rest is decoded", () => {
  const odd = { cpu_absolute: "hot", volume: null, battery: 7, audio: [7, {}, { id: "player1" }], uptime: 3 };

  const snapshot = snapshotOf(odd);

  assert.equal(snapshot.players.length, 1);
  assert.equal(snapshot.uptime, 3);
  assert.deepEqual(Object.keys(snapshot).toSorted(), ["players", "uptime"]);
});

test("an art address outside the desk is dropped", () => {
  for (const art_url of ["https://elsewhere.example/a.png", "//elsewhere.example", "/v1/logout", "data:,"]) {
    assert.equal(snapshotOf({ audio: [{ id: "player1", art_url }] }).players[0]?.art, undefined);
  }
});

test("event names are trimmed; unknown and malformed messages are ignored", () => {
  assert.deepEqual(decode('{"event":" session expiring ","args":["[10:30:45]: x"]}'), { kind: "session expiring" });
  for (const text of ["", "{", "[]", "null", '{"event":7,"args":[]}', '{"event":"dance","args":[]}', '{"event":"stats"}', '{"event":"stats","args":["["]}']) {
    assert.equal(decode(text), undefined);
  }
});

test("an error event has its code and message", () => {
  const text = JSON.stringify({ event: "error", args: ['{"code":"forbidden","message":"no"}'] });

  assert.deepEqual(decode(text), { kind: "error", problem: { code: "forbidden", message: "no" } });
});

test("messages of the page are encoded as in the protocol", () => {
  assert.deepEqual(JSON.parse(encodeAuth("t")), { event: "auth", args: ["t"] });
  assert.deepEqual(JSON.parse(encodeCommand({ action: "play-pause", player: "player1" })), {
    event: "audio-play-pause",
    args: ["player1"],
  });
});

test("readings of deskwire.v1 are the same snapshot as stats, with more about players", () => {
  const snapshot = snapshotOfTopics({
    memory: { used: 1 }, cpu: { busy: 2.5 }, network: { received: 3, sent: 4 }, uptime: { up: 5 },
    disk: { used: 6 }, wifi: { ssid: "Bazinga", connected: true },
    battery: { charge: 80, plugged_in: false }, volume: { level: 88, muted: true },
    backlight: { level: 64 },
    players: [
      {
        id: "player1", name: "mpv", playing: true, title: "One", artist: "A", album: null,
        art: "/v1/img/tmp/L3RtcA==", position: { at: 1.5, read: 0, rate: 1 }, duration: 232,
        track: "f00", can_seek: true, can_next: true, can_previous: false, shuffle: false, loop: "track",
      },
    ],
  });

  assert.deepEqual(snapshot, {
    players: [
      {
        id: "player1", name: "mpv", playing: true, title: "One", artist: "A",
        art: "v1/img/tmp/L3RtcA==", position: 1.5, duration: 232, track: "f00",
        can: { seek: true, next: true, previous: false }, shuffle: false, loop: "track",
      },
    ],
    memory: 1, cpu: 2.5, network: { received: 3, sent: 4 }, uptime: 5, disk: 6,
    wifi: { ssid: "Bazinga", connected: true }, battery: { charge: 80, pluggedIn: false },
    volume: 88, muted: true, backlight: 64,
  });
});

test("null and wrong readings of deskwire.v1 are missing keys", () => {
  const snapshot = snapshotOfTopics({ volume: null, wifi: 3, players: [{}, { id: "p", loop: "twice", shuffle: 1 }] });

  assert.deepEqual(snapshot, {
    players: [
      {
        id: "p", name: "", playing: false, title: "", artist: "",
        can: { seek: false, next: false, previous: false },
      },
    ],
  });
});

test("an error of deskwire.v1 names the event", () => {
  const text = JSON.stringify({ event: "error", args: [{ code: "forbidden", message: "no", event: "volume.set" }] });

  assert.deepEqual(decode(text), {
    kind: "error", problem: { code: "forbidden", message: "no", event: "volume.set" },
  });
});
