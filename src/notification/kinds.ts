/** What an operator can be told of by mail. The API's enum and the table below derive from here. */
export const eventKinds = [
  'order-failed',
  'order-rejected',
  'order-stuck',
  'approval-needed',
  'certificate-expiring',
  'credential-expiring',
  'connector-down',
  'connector-recovered',
  'weekly-digest',
] as const;
export type EventKind = (typeof eventKinds)[number];

export interface KindWords {
  /** Of a mail that tells of `count` of them. */
  readonly headline: (count: number) => string;
  /** What to do now. */
  readonly advice: string;
  /** Heads of the cells of an item, in order. */
  readonly columns: readonly string[];
  /** What the tallies count by; empty where nothing is counted. */
  readonly countedBy: string;
}

const many = (count: number, one: string, more: string): string => (count === 1 ? `1 ${one}` : `${count} ${more}`);
const orderColumns = ['Order', 'Recorded', 'Profile', 'Device', 'Asked from', 'Reason'];

/** Every kind with its words, one row each. */
export const kindWords: Readonly<Record<EventKind, KindWords>> = {
  'order-failed': {
    headline: (count) => many(count, 'order failed', 'orders failed'),
    advice: 'These orders are over without a certificate; their devices were told so. Acknowledge them in the list of orders once you have seen to the reason.',
    columns: orderColumns,
    countedBy: 'Reasons',
  },
  'order-rejected': {
    headline: (count) => many(count, 'order was rejected', 'orders were rejected'),
    advice:
      'The policy of the profile, the CA or an administrator said no. If the devices are yours, compare what they ask for with the policy of their profile.',
    columns: orderColumns,
    countedBy: 'Reasons',
  },
  'order-stuck': {
    headline: (count) => many(count, 'order needs an operator', 'orders need an operator'),
    advice:
      'Whether the CA issued a certificate for these orders is not known and could not be found out. Look the order up at the CA, then decide it in Gatehouse.',
    columns: orderColumns,
    countedBy: 'Reasons',
  },
  'approval-needed': {
    headline: (count) => many(count, 'order waits for approval', 'orders wait for approval'),
    advice: 'Approve or deny them in the list of orders; the devices ask again by themselves.',
    columns: orderColumns.slice(0, -1),
    countedBy: 'Profiles',
  },
  'certificate-expiring': {
    headline: (count) => many(count, 'certificate expires soon', 'certificates expire soon'),
    advice: 'Nothing has replaced these certificates yet. See that their devices renew them.',
    columns: ['Certificate', 'Expires', 'Profile', 'Subject', 'Serial'],
    countedBy: 'Profiles',
  },
  'credential-expiring': {
    headline: (count) => many(count, 'credential of Gatehouse expires soon', 'credentials of Gatehouse expire soon'),
    advice: 'With these certificates Gatehouse itself works: as RA of a profile, or as client of a CA. Renew them before that day, or enrolment stops.',
    columns: ['Used by', 'Expires', 'What', 'Subject'],
    countedBy: '',
  },
  'connector-down': {
    headline: (count) => many(count, 'connector is down', 'connectors are down'),
    advice: 'Orders are kept and go on by themselves once the other side is back. Test the connector in its page.',
    columns: ['Connector', 'Since', 'Type', 'Reason'],
    countedBy: '',
  },
  'connector-recovered': {
    headline: (count) => many(count, 'connector works again', 'connectors work again'),
    advice: 'Orders that waited for it go on by themselves.',
    columns: ['Connector', 'Since', 'Type', 'It was down for'],
    countedBy: '',
  },
  'weekly-digest': {
    headline: () => 'The week in figures',
    advice: 'Orders of the last seven days, by profile, and what is ahead.',
    columns: ['Profile', 'Issued', 'Failed', 'Rejected', 'Open', 'Certificates that expire in 30 days'],
    countedBy: 'Most frequent reasons',
  },
};

/** By the action of an audit event: what operators may want to hear of it. */
const watchedActions: ReadonlyMap<string, EventKind> = new Map([
  ['order.failed', 'order-failed'],
  ['order.expired', 'order-failed'],
  ['order.rejected', 'order-rejected'],
  ['order.stuck', 'order-stuck'],
  ['order.awaiting-approval', 'approval-needed'],
]);

export function kindOfAction(action: string): EventKind | undefined {
  return watchedActions.get(action);
}
