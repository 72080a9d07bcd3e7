import type { Figure } from '../../components/figures.js';
import { showDuration, showNumber, showPercent } from '../../components/format.js';
import { words } from '../../strings/index.js';
import type { Summary } from './profile-kind.js';

const { cards } = words;
const { meanings } = cards;

/** The figures that both protocols have. */
export const totalOrders: Figure<Summary> = { label: cards.totalOrders, meaning: meanings.totalOrders, read: (s) => s.totalOrders, show: showNumber };
export const successRate: Figure<Summary> = {
  ...{ label: cards.successRate, meaning: meanings.successRate, better: 'more' },
  ...{ read: (s: Summary) => s.successRate, show: showPercent },
};
export const activeAccounts: Figure<Summary> = {
  ...{ label: cards.activeAccounts, meaning: meanings.activeAccounts },
  ...{ read: (s: Summary) => s.activeAccounts, show: showNumber },
};

/** Called otherwise on each of the product's pages. */
export function averageTime(label: string): Figure<Summary> {
  return { label, meaning: meanings.average, read: (s) => s.averageProcessingMs, show: showDuration, better: 'less' };
}
