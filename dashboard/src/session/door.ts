/* The desk's HTTP: in, out, and the socket's ticket. The login itself lives in a cookie that no
   script can read; every address is relative to the page, which may live under a prefix. */

import type { NoTicket, Ticket } from "./link.ts";

const PATIENCE = 10_000;

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** Log in; `undefined` when that went well. */
export async function logIn(credentials: Credentials): Promise<NoTicket | undefined> {
  const answer = await ask("v1/page/login", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(credentials),
  });
  if (!answer) return UNREACHABLE;
  return answer.ok ? undefined : refusal(answer);
}

/** Log out; an answer of any kind will do. */
export async function logOut(): Promise<void> {
  await ask("v1/page/logout", { method: "POST" });
}

export async function fetchTicket(): Promise<Ticket | NoTicket> {
  const answer = await ask("v1/websocket", {});
  if (!answer) return UNREACHABLE;
  if (!answer.ok) return refusal(answer);
  try {
    const { data } = (await answer.json()) as { data: { token: string; socket: string } };
    return { token: data.token, socket: besideThePage(data.socket, document.baseURI) };
  } catch {
    return { status: answer.status, code: "unreadable" };
  }
}

/** The socket's path at the address this page came from: it is what reaches the desk from here, and
    the policy allows no other. */
export function besideThePage(socket: string, page: string): string {
  const path = new URL(socket, page).pathname;
  const address = new URL(path.slice(path.indexOf("/v1/") + 1), page);
  address.protocol = address.protocol === "http:" ? "ws:" : "wss:";
  return address.href;
}

const UNREACHABLE: NoTicket = { status: 0, code: "unreachable" };

async function ask(path: string, more: RequestInit): Promise<Response | undefined> {
  try {
    return await fetch(new URL(path, document.baseURI), {
      cache: "no-store",
      credentials: "same-origin",
      signal: AbortSignal.timeout(PATIENCE),
      ...more,
    });
  } catch {
    return undefined;
  }
}

async function refusal(answer: Response): Promise<NoTicket> {
  const seconds = Number(answer.headers.get("Retry-After"));
  const wait = seconds > 0 ? { retryAfter: seconds * 1000 } : {};
  let code = "other";
  try {
    code = ((await answer.json()) as { data: { code: string } }).data.code;
  } catch {
    // a proxy's own words
  }
  return { status: answer.status, code, ...wait };
}
