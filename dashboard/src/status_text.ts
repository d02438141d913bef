/* Text of the connection status. */

import type { Status } from "./session/status.ts";
import { textFor, type Texts } from "./texts.ts";

export interface StatusText {
  readonly name: string;
  readonly detail: string;
}

export function statusText(status: Status, texts: Texts, date: (moment: number) => Date): StatusText {
  const name = texts.status[status.kind];
  if ("since" in status) return { name, detail: texts.since(clock.format(date(status.since))) };
  if (status.kind === "refused") {
    return { name: `${name}:`, detail: textFor(texts.refusal, status.code) };
  }
  return { name, detail: "" };
}

/** Clock of the reader's locale, 12 hours or 24, independent of the language of the page. */
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
