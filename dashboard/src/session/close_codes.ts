/* What each close code means for a client: the contract's table, as a table. */

export const CloseCode = {
  NORMAL: 1000,
  /** The daemon stops or starts anew. */
  GOING_AWAY: 1001,
  /** No close frame came; never sent, only seen. */
  ABNORMAL: 1006,
  AUTH_FAILED: 4001,
  TOKEN_EXPIRED: 4004,
} as const;

export type Next =
  /** Nothing: it was meant. */
  | "stop"
  /** Connect again after 5 s, with the same token. */
  | "reconnect"
  /** Log in again: the token is no longer believed. */
  | "log in"
  /** Fetch a new websocket token and connect. */
  | "refresh";

const AFTER_CLOSE: ReadonlyMap<number, Next> = new Map([
  [CloseCode.NORMAL, "stop"],
  [CloseCode.GOING_AWAY, "stop"],
  [CloseCode.ABNORMAL, "reconnect"],
  [CloseCode.AUTH_FAILED, "log in"],
  [CloseCode.TOKEN_EXPIRED, "refresh"],
]);

/** What a client does after `code`; one that the contract does not name is abnormal. */
export const afterClose = (code: number): Next => AFTER_CLOSE.get(code) ?? "reconnect";
