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
    return { name, more: texts.since(clock(date(status.since), texts.language)) };
  }
  if (status.kind === "refused") {
    return { name, more: textOf(texts.refusedWhy, status.code) };
  }
  return { name, more: "" };
}

const clock = (date: Date, language: string): string =>
  new Intl.DateTimeFormat(language, { timeStyle: "medium" }).format(date);
