import assert from "node:assert/strict";
import { test } from "node:test";
import { relativeToPage } from "../src/session/auth_api.ts";

test("the socket is opened at the origin and prefix of the page", () => {
  const socket = "wss://desk.example:8765/v1/monitor/6b1c/ws";
  const at = (page: string): string => relativeToPage(socket, page);

  assert.equal(at("https://192.168.1.5:8765/"), "wss://192.168.1.5:8765/v1/monitor/6b1c/ws");
  assert.equal(at("http://127.0.0.1:8765/"), "ws://127.0.0.1:8765/v1/monitor/6b1c/ws");
  assert.equal(at("https://home.example/desk/"), "wss://home.example/desk/v1/monitor/6b1c/ws");
  const prefixed = "wss://home.example/desk/v1/monitor/6b1c/ws";
  assert.equal(relativeToPage(prefixed, "https://home.example/desk/"), prefixed);
});
