/* HTTP requests for the log-in, the log-out and the WebSocket token.

   The login token is in a cookie that scripts cannot read. All addresses are relative to the page,
   because a proxy may serve it below a prefix. */

const TIMEOUT = 10_000;

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export interface WebSocketToken {
  readonly token: string;
  /** Address of the socket. */
  readonly address: string;
}

export interface ApiError {
  /** HTTP status; 0 if the desk did not answer. */
  readonly status: number;
  readonly code: string;
  /** Milliseconds. */
  readonly retryAfter?: number;
}

/** Log in. Returns `undefined` on success. */
export async function logIn(credentials: Credentials): Promise<ApiError | undefined> {
  const response = await request("v1/page/login", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(credentials),
  });
  if (!response) return UNREACHABLE;
  return response.ok ? undefined : errorOf(response);
}

/** Log out. Any answer counts as success. */
export async function logOut(): Promise<void> {
  await request("v1/page/logout", { method: "POST" });
}

export async function fetchToken(): Promise<WebSocketToken | ApiError> {
  const response = await request("v1/websocket", {});
  if (!response) return UNREACHABLE;
  if (!response.ok) return errorOf(response);
  try {
    const { data } = (await response.json()) as { data: { token: string; socket: string } };
    return { token: data.token, address: relativeToPage(data.socket, document.baseURI) };
  } catch {
    return { status: response.status, code: "unreadable" };
  }
}

/** Return the socket's path at the page's own origin. Only this origin is known to reach the desk from
    here, and the content security policy allows no other. */
export function relativeToPage(socket: string, page: string): string {
  const path = new URL(socket, page).pathname;
  const address = new URL(path.slice(path.indexOf("/v1/") + 1), page);
  address.protocol = address.protocol === "http:" ? "ws:" : "wss:";
  return address.href;
}

const UNREACHABLE: ApiError = { status: 0, code: "unreachable" };

async function request(path: string, options: RequestInit): Promise<Response | undefined> {
  try {
    return await fetch(new URL(path, document.baseURI), {
      cache: "no-store",
      credentials: "same-origin",
      signal: AbortSignal.timeout(TIMEOUT),
      ...options,
    });
  } catch {
    return undefined;
  }
}

async function errorOf(response: Response): Promise<ApiError> {
  const seconds = Number(response.headers.get("Retry-After"));
  const retry = seconds > 0 ? { retryAfter: seconds * 1000 } : {};
  let code = "other";
  try {
    code = ((await response.json()) as { data: { code: string } }).data.code;
  } catch {
    // A proxy answered with a body of its own.
  }
  return { status: response.status, code, ...retry };
}
