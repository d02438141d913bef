/* Formatting of numbers, durations and amounts in the language of the page. */

import type { Texts } from "../texts.ts";

export interface Amount {
  readonly value: string;
  readonly unit: string;
}

const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const DECIMAL = ["B/s", "kB/s", "MB/s", "GB/s", "TB/s"];

export const bytes = (amount: number, language: string): Amount =>
  scaled(amount, 1024, BINARY, language);

/** Format bytes per second. */
export const rate = (amount: number, language: string): Amount =>
  scaled(amount, 1000, DECIMAL, language);

export const percent = (amount: number, language: string, digits = 0): Amount => ({
  value: number(amount, digits, language),
  unit: "%",
});

/** Format seconds as `m:ss` or `h:mm:ss`. */
export function time(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n: number): string => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Format a long duration by its two largest units. */
export function duration(seconds: number, texts: Texts): string {
  const minutes = Math.floor(seconds / 60);
  const [d, h, m] = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24, minutes % 60];
  const count = (n: number): string => number(n, 0, texts.language);
  if (d > 0) return `${texts.days(count(d))} ${texts.hours(count(h))}`;
  if (h > 0) return `${texts.hours(count(h))} ${texts.minutes(count(m))}`;
  return texts.minutes(count(m));
}

function scaled(amount: number, base: number, units: readonly string[], language: string): Amount {
  let [value, step] = [amount, 0];
  while (value >= base * 0.9995 && step < units.length - 1) {
    value /= base;
    step += 1;
  }
  const digits = step === 0 || value >= 99.95 ? 0 : 1;
  return { value: number(value, digits, language), unit: units[step] ?? "" };
}

const formats = new Map<string, Intl.NumberFormat>();

function number(value: number, digits: number, language: string): string {
  const key = `${language}${digits}`;
  let format = formats.get(key);
  if (!format) {
    const bounds = { minimumFractionDigits: digits, maximumFractionDigits: digits };
    format = new Intl.NumberFormat(language, bounds);
    formats.set(key, format);
  }
  return format.format(value);
}
