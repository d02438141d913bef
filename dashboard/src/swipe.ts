/* A finger drawn across a part turns to the part beside it. Up and down still scrolls.

   Touch events and not pointer events: only they can say that the gesture is taken, so that the
   browser makes no fling of it, which would swallow the next tap. */

import type { Attachment } from "svelte/attachments";

const FAR = 48;
const CLEAR = 10;

interface Point {
  readonly x: number;
  readonly y: number;
}

export const swipe = (turn: (step: number) => void): Attachment<HTMLElement> => (element) => {
  let from: Point | undefined;

  const begin = ({ touches }: TouchEvent): void => {
    const [touch] = touches;
    from = touch && touches.length === 1 ? { x: touch.clientX, y: touch.clientY } : undefined;
  };
  const move = (event: TouchEvent): void => {
    const by = drawn(from, event.touches[0]);
    if (by && event.cancelable && Math.abs(by.x) > Math.max(CLEAR, Math.abs(by.y))) {
      event.preventDefault();
    }
  };
  const end = ({ changedTouches }: TouchEvent): void => {
    const by = drawn(from, changedTouches[0]);
    from = undefined;
    if (!by || Math.abs(by.x) < FAR || Math.abs(by.x) < 2 * Math.abs(by.y)) return;
    const forward = getComputedStyle(element).direction === "rtl" ? by.x > 0 : by.x < 0;
    turn(forward ? 1 : -1);
  };
  const forget = (): void => {
    from = undefined;
  };

  element.addEventListener("touchstart", begin, { passive: true });
  element.addEventListener("touchmove", move, { passive: false });
  element.addEventListener("touchend", end);
  element.addEventListener("touchcancel", forget);
  return () => {
    element.removeEventListener("touchstart", begin);
    element.removeEventListener("touchmove", move);
    element.removeEventListener("touchend", end);
    element.removeEventListener("touchcancel", forget);
  };
};

function drawn(from: Point | undefined, touch: Touch | undefined): Point | undefined {
  return from && touch && { x: touch.clientX - from.x, y: touch.clientY - from.y };
}
