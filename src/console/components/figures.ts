import { words } from '../strings/index.js';
import type { Card } from './cards.js';

/** One figure of a summary: how it is read, shown and explained. */
export interface Figure<S> {
  readonly label: string;
  readonly meaning: string;
  /** Null where there is nothing to tell. */
  readonly read: (figures: S) => number | null;
  readonly show: (value: number | null) => string;
  /** Whether more of it is good news; absent: neither. */
  readonly better?: 'more' | 'less';
  /** Absent: it is counted now, and has no window before. */
  readonly hasTrend?: false;
}

/** The cards of a summary that knows its figures of the window before. */
export function cardsOf<S extends { readonly previous: object }>(figures: readonly Figure<S>[], summary: S | undefined): readonly Card[] {
  return figures.map((figure) => {
    const { label, meaning, read, show } = figure;
    if (summary === undefined) return { label, meaning, value: undefined };
    const trend = figure.hasTrend === false ? undefined : trendOf(figure, read(summary), read(summary.previous as S));
    return { label, meaning, value: show(read(summary)), trend };
  });
}

function trendOf<S>({ show, better }: Figure<S>, now: number | null, before: number | null): Card['trend'] {
  if (now === null || before === null) return undefined;
  const direction = now === before ? 'same' : now > before ? 'up' : 'down';
  const isBetter = direction === 'same' || better === undefined ? undefined : (direction === 'up') === (better === 'more');
  return { direction, text: words.cards.before(show(before)), isBetter };
}
