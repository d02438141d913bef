/* The connection's state in words. */

import type { Status } from "./session/link.ts";
import { textOf, type Texts } from "./texts.ts";

export interface Words {
  readonly name: string;
  readonly more: string;
}

export function sayStatus(status: Status, texts: Texts, date: (moment: number) => Date): Words {
  const name = texts.status[status.kind];
  if ("since" in status) {
    return { name, more: texts.since(clock.format(date(status.since))) };
  }
  if (status.kind === "refused") {
    return { name: `${name}:`, more: textOf(texts.refusedWhy, status.code) };
  }
  return { name, more: "" };
}

/* The reader's own clock, 12 hours or 24, whatever language the page speaks. */
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
