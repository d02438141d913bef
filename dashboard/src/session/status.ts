/* Connection status: the states that the page shows for its connection to the desk. */

export type Status =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  /** The last message of the desk that arrived here was sent at `since`. */
  | { readonly kind: "stale"; readonly since: number }
  /** The session has expired, and the page is fetching a new token. */
  | { readonly kind: "expired" }
  /** The desk announced its stop at `since`. */
  | { readonly kind: "away"; readonly since: number }
  /** The desk refused the page; `code` is a problem's code or a close code. */
  | { readonly kind: "refused"; readonly code: string }
  /** The desk answers HTTP requests, but the browser cannot open a WebSocket. */
  | { readonly kind: "blocked" }
  /** The desk closed the session and no retry is planned. */
  | { readonly kind: "ended" }
  /** The page is hidden and has disconnected. */
  | { readonly kind: "paused" }
  | { readonly kind: "logged out"; readonly reason: LogOutReason };

export type LogOutReason =
  /** No log-in yet. */
  | "first"
  | "expired"
  /** The desk ended the login. */
  | "ended"
  /** The user logged out. */
  | "left";

/** Whether two statuses need no update of the page between them. */
export function sameStatus(one: Status, other: Status): boolean {
  if (one.kind !== other.kind || one.kind === "refused" || one.kind === "logged out") return false;
  return sinceOf(one) === sinceOf(other);
}

const sinceOf = (status: Status): number | undefined =>
  "since" in status ? status.since : undefined;
