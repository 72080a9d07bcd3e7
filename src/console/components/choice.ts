import { useState } from 'react';
import { useMay } from '../app/session.js';
import type { Bulk } from './bulk.js';

/** Which of the rows that are shown are chosen. */
export interface Choice<T> {
  readonly bulk: Bulk<T>;
  readonly chosen: readonly T[];
  readonly isAll: boolean;
  has(item: T): boolean;
  toggle(item: T): void;
  toggleAll(): void;
  none(): void;
}

const nothing: ReadonlySet<string> = new Set();

/** Rows are forgotten with the page they stand on: nothing is ever done for what is not in sight. Undefined where there is nothing to do for the caller. */
export function useChoice<T extends { readonly id: string }>(items: readonly T[], bulk: Bulk<T> | undefined): Choice<T> | undefined {
  const may = useMay();
  const [ids, setIds] = useState(nothing);
  if (bulk === undefined || !bulk.actions.some(({ needs }) => may(needs))) return undefined;
  const chosen = items.filter(({ id }) => ids.has(id));
  const isAll = items.length > 0 && chosen.length === items.length;
  const shown = chosen.map(({ id }) => id);
  return {
    ...{ bulk, chosen, isAll },
    has: ({ id }) => ids.has(id),
    toggle: ({ id }) => setIds(new Set(ids.has(id) ? shown.filter((other) => other !== id) : [...shown, id])),
    toggleAll: () => setIds(isAll ? nothing : new Set(items.map(({ id }) => id))),
    none: () => setIds(nothing),
  };
}
