import { useEffect } from 'react';

/** Inputs that take no letters. */
const isSwitch = (target: EventTarget | null): boolean => target instanceof HTMLInputElement && ['radio', 'checkbox'].includes(target.type);

function isTyping(target: EventTarget | null): boolean {
  if (isSwitch(target)) return false;
  return target instanceof HTMLElement && (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName));
}

/** One that was closed may stand in the document for a while longer, unseen. */
function isDialogOpen(): boolean {
  return [...document.querySelectorAll('[role="dialog"]')].some((dialog) => dialog.checkVisibility({ visibilityProperty: true, opacityProperty: true }));
}

/** A single key that does something unless somebody is typing, holds a modifier, or has a dialog open. */
export function useKey(key: string, act: (() => void) | undefined): void {
  useEffect(() => {
    if (act === undefined) return undefined;
    const listen = (event: KeyboardEvent): void => {
      if (event.key !== key || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (isDialogOpen()) return;
      event.preventDefault();
      act();
    };
    document.addEventListener('keydown', listen);
    return () => document.removeEventListener('keydown', listen);
  }, [key, act]);
}
