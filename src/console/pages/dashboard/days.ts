import type { Dashboard } from '../../api/types.js';

export const results = ['issued', 'refused', 'open'] as const;

export interface Day {
  /** `2026-03-01`, UTC. */
  readonly day: string;
  readonly issued: number;
  readonly refused: number;
  readonly open: number;
}

const dayMs = 86_400_000;

/** Every day of the window up to today, also those without an order; both protocols together. */
export function daysOf(found: Dashboard['days'], days: number, now: number): readonly Day[] {
  return Array.from({ length: days }, (_, place) => {
    const day = new Date(now - (days - 1 - place) * dayMs).toISOString().slice(0, 10);
    const sum = (result: (typeof results)[number]): number => found.filter((one) => one.day === day).reduce((total, one) => total + one[result], 0);
    return { day, issued: sum('issued'), refused: sum('refused'), open: sum('open') };
  });
}
