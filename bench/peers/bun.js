// Bun: its own publish, written in native code.
//
//     bun bun.js PORT INTERVAL FRAME [CERTIFICATE KEY]

import { dlopen, ptr } from "bun:ffi";

const [port, interval, frame, certificate, key] = process.argv.slice(2);
const text = await Bun.file(frame).text();

const server = Bun.serve({
  port: Number(port),
  hostname: "127.0.0.1",
  tls: certificate ? { cert: Bun.file(certificate), key: Bun.file(key) } : undefined,
  fetch(request, server) {
    return server.upgrade(request) ? undefined : new Response("", { status: 400 });
  },
  websocket: {
    perMessageDeflate: false,
    message(ws) {
      ws.subscribe("stats");
    },
  },
});

// Bun counts from its own start; what CLOCK_MONOTONIC says only the C library tells.
const libc = dlopen("libc.so.6", { clock_gettime: { args: ["i32", "ptr"], returns: "i32" } });
const read = new BigInt64Array(2);
libc.symbols.clock_gettime(1, ptr(read));
const ahead = Number(read[0]) * 1e3 + Number(read[1]) / 1e6 - performance.now();

const every = Number(interval) * 1000;
const now = () => performance.now() + ahead;
let due = Math.ceil(now() / every) * every;
// Bun counts a timer that is set while frames are on their way from when they are gone, so it is set again half-way.
function wait() {
  const left = due - now();
  if (left < 0.5) {
    due += every;
    server.publish("stats", text);
  }
  setTimeout(wait, left < 0.5 ? every / 2 : left > 20 ? left / 2 : left);
}
wait();
