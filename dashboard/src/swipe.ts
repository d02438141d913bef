/* A finger drawn across a part turns to the part beside it. Up and down still scrolls. */

import type { Attachment } from "svelte/attachments";

const FAR = 48;

export const swipe = (turn: (step: number) => void): Attachment<HTMLElement> => (element) => {
  let from: { readonly id: number; readonly x: number; readonly y: number } | undefined;
  const down = ({ pointerType, pointerId, clientX, clientY }: PointerEvent): void => {
    from = pointerType === "mouse" || from ? undefined : { id: pointerId, x: clientX, y: clientY };
  };
  const up = ({ pointerId, clientX, clientY }: PointerEvent): void => {
    if (from?.id !== pointerId) return;
    const [x, y] = [clientX - from.x, clientY - from.y];
    from = undefined;
    if (Math.abs(x) < FAR || Math.abs(x) < 2 * Math.abs(y)) return;
    const forward = getComputedStyle(element).direction === "rtl" ? x > 0 : x < 0;
    turn(forward ? 1 : -1);
  };
  const cancel = (): void => (from = undefined);
  element.addEventListener("pointerdown", down);
  window.addEventListener("pointerup", up);
  window.addEventListener("pointercancel", cancel);
  return () => {
    element.removeEventListener("pointerdown", down);
    window.removeEventListener("pointerup", up);
    window.removeEventListener("pointercancel", cancel);
  };
};
