/* Text of the connection status. */

import type { Status } from "./session/status.ts";
import { textFor, type Texts } from "./texts.ts";

export interface StatusText {
  readonly name: string;
  readonly detail: string;
  /** Steps for the user. */
  readonly steps: readonly string[];
}

export function statusText(status: Status, texts: Texts, date: (moment: number) => Date): StatusText {
  const name = texts.status[status.kind];
  const steps: readonly string[] = [];
  if ("since" in status) return { name, detail: texts.since(clock.format(date(status.since))), steps };
  switch (status.kind) {
    case "refused":
      return { name: `${name}:`, detail: textFor(texts.refusal, status.code), steps };
    case "blocked":
      return { name, detail: texts.blocked, steps: texts.blockedSteps };
    default:
      return { name, detail: "", steps };
  }
}

/** Clock of the reader's locale, 12 hours or 24, independent of the language of the page. */
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
