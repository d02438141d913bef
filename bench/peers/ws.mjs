// Node with `ws`: the frame is made once.
//
//     node ws.mjs PORT INTERVAL FRAME [CERTIFICATE KEY]

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { Sender, WebSocketServer } from "ws";

const [port, interval, framePath, certificate, key] = process.argv.slice(2);
const text = readFileSync(framePath, "utf8");
const frame = Buffer.concat(Sender.frame(Buffer.from(text), { fin: true, opcode: 1, mask: false, readOnly: true, rsv1: false }));

const server = certificate
  ? createSecureServer({ cert: readFileSync(certificate), key: readFileSync(key) })
  : createServer();
const subscribers = new Set();

new WebSocketServer({ server, perMessageDeflate: false }).on("connection", (ws, request) => {
  ws.on("message", () => subscribers.add(request.socket));
  ws.on("close", () => subscribers.delete(request.socket));
  ws.on("error", () => {});
});

const publish = () => { for (const socket of subscribers) socket.write(frame); };

const every = Number(interval) * 1000;
const now = () => Number(process.hrtime.bigint()) / 1e6; // CLOCK_MONOTONIC
let due = Math.ceil(now() / every) * every;
function wait() {
  due += every;
  setTimeout(() => { publish(); wait(); }, due - now());
}
wait();
server.listen({ port: Number(port), host: "127.0.0.1", backlog: 1024 });
