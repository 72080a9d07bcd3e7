import type { Result } from '../runtime/result.js';
import type { Context, SystemContext, TenantContext } from '../tenancy/context.js';
import type { ListQuery, Page, WriteFault } from '../tenancy/ports.js';
import type { Status } from '../tenancy/profile.js';
import type { ComposedMail, MailContent, Occasion } from './content.js';
import type { Gathering, Item } from './gathering.js';
import type { EventKind } from './kinds.js';
import type { NotificationRule } from './rule.js';

/** A mail as a server is asked to take it; who it is from is the server's own setting. */
export interface MailMessage {
  /** The same for every attempt: the Message-ID derives from it, so that a copy can be told. */
  readonly id: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly date: Date;
}

/**
 * `refused`: this mail will never be taken. `deferred`: not now. `unreachable`: no mail can be handed over, whatever it says.
 * `uncertain`: its content was being handed over when the line went dead; it may have arrived.
 */
export type SendOutcome =
  | { readonly kind: 'sent'; readonly response: string }
  | { readonly kind: 'refused' | 'deferred' | 'unreachable' | 'uncertain'; readonly reason: string };

export interface VerifyStep {
  readonly name: string;
  readonly ok: boolean;
  readonly message: string;
  readonly ms: number;
}

/** A mail server. Neither method rejects. */
export interface Mailer {
  send(message: MailMessage): Promise<SendOutcome>;
  /** Everything short of a mail: name, connection, TLS, login. The steps end with the first that failed, or when `whole` is over. */
  verify(whole?: AbortSignal): Promise<{ readonly ok: boolean; readonly steps: readonly VerifyStep[] }>;
}

export type MailerOf = (connectorId: string) => Promise<ReadyMailer | undefined>;

export interface ReadyMailer {
  readonly mailer: Mailer;
  readonly status: Status;
  /** How long the other side may still act after a line went dead. */
  readonly maxProcessingMs: number;
  /** The longest that one `send` takes. */
  readonly timeoutMs: number;
}

/** A mail that this worker holds: nobody else sends it until the lease is over, and nothing is recorded under an older fence. */
export interface ClaimedMail {
  readonly id: string;
  readonly tenantId: string;
  /** The one its rule names now; null when the rule is gone. */
  readonly connectorId: string | null;
  readonly recipient: string;
  readonly subject: string;
  readonly content: MailContent;
  readonly fence: number;
  /** This one included. */
  readonly attempts: number;
  readonly createdAt: Date;
  readonly giveUpAt: Date;
}

export type MailResult =
  | { readonly kind: 'sent'; readonly response: string }
  | { readonly kind: 'retry'; readonly reason: string; readonly delayMs: number }
  | { readonly kind: 'dead'; readonly reason: string };

export interface MailQueue {
  claim(context: SystemContext, limit: number, leaseMs: number): Promise<readonly ClaimedMail[]>;
  /** False when the lease went to someone else meanwhile. What is dead is written to the audit in the same commit. */
  settle(context: SystemContext, mail: ClaimedMail, result: MailResult): Promise<boolean>;
  /** Forgets mails that were over so many days ago; resolves with their number. */
  forget(days: number): Promise<number>;
}

export const mailStates = ['waiting', 'sent', 'dead'] as const;
export type MailState = (typeof mailStates)[number];

export interface Mail {
  readonly id: string;
  readonly tenantId: string;
  readonly ruleId: string;
  readonly ruleName: string;
  readonly kind: EventKind;
  readonly recipient: string;
  readonly subject: string;
  readonly content: MailContent;
  readonly state: MailState;
  readonly attempts: number;
  readonly nextAttemptAt: Date | null;
  readonly lastError: string | null;
  readonly response: string | null;
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
}

export interface MailListQuery extends ListQuery {
  readonly tenantId?: string;
  readonly ruleId?: string;
  readonly state?: MailState;
  readonly kind?: EventKind;
}

export interface MailDesk {
  list(context: Context, query: MailListQuery): Promise<Page<Mail>>;
  find(context: Context, id: string): Promise<Mail | undefined>;
  /** A dead mail waits again, for as long as a new one; false when it is not dead or its rule is gone. */
  retry(context: TenantContext, id: string): Promise<boolean>;
}

export type NewRule = Omit<NotificationRule, 'tenantId' | 'version' | 'createdAt' | 'updatedAt'>;
export type RuleChange = Partial<Omit<NewRule, 'id'>>;

export interface RuleListQuery extends ListQuery {
  readonly tenantId?: string;
  readonly status?: Status;
  readonly connectorId?: string;
}

export interface RuleStore {
  create(context: TenantContext, rule: NewRule): Promise<Result<NotificationRule, WriteFault>>;
  find(context: Context, id: string): Promise<NotificationRule | undefined>;
  list(context: Context, query: RuleListQuery): Promise<Page<NotificationRule>>;
  update(context: Context, id: string, version: number, change: RuleChange): Promise<Result<NotificationRule, WriteFault>>;
  /** Its mails that wait go with it. */
  remove(context: Context, id: string, version: number): Promise<Result<true, WriteFault>>;
}

/** A certificate by which Gatehouse itself works, and for how long. */
export interface Credential {
  readonly tenantId: string;
  readonly profileId: string | null;
  readonly usedBy: string;
  readonly what: string;
  readonly subject: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

export interface ConnectorNews {
  readonly connectorId: string;
  readonly state: 'up' | 'down';
  /** Why it is down. */
  readonly reason: string;
}

export interface GatherOptions {
  /** How long the first event of a mail waits for more. */
  readonly gatherMs: number;
}

/** What happened, on its way into mails. Every step is one commit: nothing is told twice, nothing is lost in between. */
export interface NotificationStore {
  /** From memory: whether any active rule stands. */
  hasRules(): boolean;
  /** Reads again who wants to hear of what; after every change of the configuration. */
  reload(): Promise<void>;
  /** Active rules of active tenants that want to hear of `kind`. */
  rulesFor(kind: EventKind): Promise<readonly NotificationRule[]>;
  /** Moves events of the outbox to the rules that want them; resolves with the number of events. */
  gather(limit: number, options: GatherOptions): Promise<number>;
  /** Certificates that came within reach of one of the rule's thresholds since the last look. */
  gatherExpiring(rule: NotificationRule, options: GatherOptions): Promise<number>;
  /** The same for credentials of the rule's tenant. */
  gatherCredentials(rule: NotificationRule, credentials: readonly Credential[], options: GatherOptions): Promise<number>;
  /** The figures of the week before `at`, unless they were told already. */
  gatherDigest(rule: NotificationRule, at: Date, options: GatherOptions): Promise<boolean>;
  /** Turns what was gathered and is due into one mail per recipient; resolves with the number of mails. */
  close(limit: number, compose: (gathering: Gathering, occasion: Omit<Occasion, 'consoleUrl'>) => ComposedMail): Promise<number>;
  /** True when it is news: then an event was recorded with it, if a rule wants it. */
  noteConnector(news: ConnectorNews): Promise<boolean>;
}

export type { Item };
