/* Horizontal swipe gesture. A vertical gesture still scrolls.

   It uses touch events and not pointer events: only a touch event can cancel the browser's own fling,
   which would swallow the next touch. */

import type { Attachment } from "svelte/attachments";

/** Pixels that count as a swipe, and as the start of one. */
const SWIPE_DISTANCE = 48;
const START_DISTANCE = 10;

interface Point {
  readonly x: number;
  readonly y: number;
}

export const swipe = (onSwipe: (step: number) => void): Attachment<HTMLElement> => (element) => {
  let from: Point | undefined;

  const start = ({ touches }: TouchEvent): void => {
    const [touch] = touches;
    from = touch && touches.length === 1 ? { x: touch.clientX, y: touch.clientY } : undefined;
  };
  const move = (event: TouchEvent): void => {
    const by = distance(from, event.touches[0]);
    if (by && event.cancelable && Math.abs(by.x) > Math.max(START_DISTANCE, Math.abs(by.y))) {
      event.preventDefault();
    }
  };
  const end = ({ changedTouches }: TouchEvent): void => {
    const by = distance(from, changedTouches[0]);
    from = undefined;
    if (!by || Math.abs(by.x) < SWIPE_DISTANCE || Math.abs(by.x) < 2 * Math.abs(by.y)) return;
    const forward = getComputedStyle(element).direction === "rtl" ? by.x > 0 : by.x < 0;
    onSwipe(forward ? 1 : -1);
  };
  const cancel = (): void => {
    from = undefined;
  };

  element.addEventListener("touchstart", start, { passive: true });
  element.addEventListener("touchmove", move, { passive: false });
  element.addEventListener("touchend", end);
  element.addEventListener("touchcancel", cancel);
  return () => {
    element.removeEventListener("touchstart", start);
    element.removeEventListener("touchmove", move);
    element.removeEventListener("touchend", end);
    element.removeEventListener("touchcancel", cancel);
  };
};

function distance(from: Point | undefined, touch: Touch | undefined): Point | undefined {
  return from && touch && { x: touch.clientX - from.x, y: touch.clientY - from.y };
}
