import type { Dashboard } from '../../api/types.js';
import { showDistance, showNumber } from '../../components/format.js';
import { words } from '../../strings/index.js';

type Kind = Dashboard['attention'][number]['kind'];

export interface Concern {
  readonly text: string;
  /** Of the oldest of them; empty where it has no age. */
  readonly since: string;
  readonly to: string;
  readonly search: Readonly<Record<string, string>>;
  readonly isGrave: boolean;
}

const { kinds } = words.dashboard;

/** Where to look at what waits, and how much it presses. */
const places: Readonly<Record<Kind, Pick<Concern, 'to' | 'search' | 'isGrave'>>> = {
  'awaiting-approval': { to: '/approvals', search: {}, isGrave: false },
  stuck: { to: '/approvals', search: {}, isGrave: true },
  uncertain: { to: '/orders', search: { state: 'UNCERTAIN' }, isGrave: false },
  'failed-unacknowledged': { to: '/orders', search: { phase: 'refused', acknowledged: 'false' }, isGrave: false },
  'connector-down': { to: '/connectors', search: { status: 'active' }, isGrave: true },
  'unknown-certificates': { to: '/unknown-certificates', search: { state: 'FOUND' }, isGrave: true },
  'certificates-expiring': { to: '/certificates', search: { within: '7' }, isGrave: false },
};

/** Everything that waits for somebody, what presses most first. */
export function concernsOf({ attention }: Dashboard): readonly Concern[] {
  const concerns = attention.map(({ kind, count, since }) => ({
    ...places[kind],
    text: kinds[kind](showNumber(count)),
    since: since === null ? '' : showDistance(since),
  }));
  return concerns.sort((left, right) => Number(right.isGrave) - Number(left.isGrave));
}
