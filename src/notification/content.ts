import type { Gathering } from './gathering.js';
import { type EventKind, kindWords } from './kinds.js';
import { headerText } from './safe-text.js';

/** What a mail says, before it is text or HTML. Kept with the mail, so that a second attempt sends the same. */
export interface MailContent {
  readonly headline: string;
  readonly advice: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** How many there were beyond the rows. */
  readonly more: number;
  readonly tallyTitle: string;
  readonly tallies: readonly (readonly [name: string, count: number])[];
  /** Who sends this, and why. */
  readonly footer: readonly string[];
}

export interface ComposedMail {
  readonly subject: string;
  readonly content: MailContent;
}

export interface Occasion {
  readonly kind: EventKind;
  readonly ruleName: string;
  readonly tenantName: string;
  /** Where operators go; one of ours, so it may be a link. */
  readonly consoleUrl: string;
}

/** The mail that tells of everything that was gathered. */
export function composeMail(gathering: Gathering, { kind, ruleName, tenantName, consoleUrl }: Occasion): ComposedMail {
  const words = kindWords[kind];
  const headline = words.headline(gathering.count);
  const rows = gathering.items.map(({ cells }) => cells);
  const tallies = Object.entries(gathering.tallies).sort(([, left], [, right]) => right - left);
  return {
    subject: headerText(`[Gatehouse] ${headline} (${tenantName})`),
    content: {
      headline,
      advice: words.advice,
      columns: words.columns,
      rows,
      more: kind === 'weekly-digest' ? 0 : gathering.count - rows.length,
      tallyTitle: words.countedBy,
      tallies: words.countedBy === '' || rows.length + tallies.length < 3 ? [] : tallies,
      footer: [`Tenant: ${tenantName}`, `Notification rule: ${ruleName}`, `Gatehouse: ${consoleUrl}`],
    },
  };
}

/** The mail that proves that mails arrive; rule and tenant are empty where the test is not about them. */
export function testMail({ ruleName, tenantName, consoleUrl }: Omit<Occasion, 'kind'>): ComposedMail {
  const about = [...(tenantName === '' ? [] : [`Tenant: ${tenantName}`]), ...(ruleName === '' ? [] : [`Notification rule: ${ruleName}`])];
  return {
    subject: headerText(`[Gatehouse] Test mail${tenantName === '' ? '' : ` (${tenantName})`}`),
    content: {
      headline: 'Mails from Gatehouse arrive here',
      advice: 'This is a test that an administrator asked for. There is nothing to do.',
      columns: [],
      rows: [],
      more: 0,
      tallyTitle: '',
      tallies: [],
      footer: [...about, `Gatehouse: ${consoleUrl}`],
    },
  };
}
