import type { Status } from '../tenancy/profile.js';
import type { EventKind } from './kinds.js';

/** When the weekly digest goes out, UTC. */
export interface DigestTime {
  /** 0 is Sunday. */
  readonly weekday: number;
  readonly hour: number;
}

/** Who hears of what, through which SMTP connector. */
export interface NotificationRule {
  readonly id: string;
  readonly tenantId: string;
  readonly connectorId: string;
  readonly name: string;
  readonly description: string;
  readonly status: Status;
  /** Addresses; each gets a mail of its own. */
  readonly recipients: readonly string[];
  readonly events: readonly EventKind[];
  /** Only what happens in these profiles; empty: in all of them. What belongs to no profile passes. */
  readonly profileIds: readonly string[];
  /** Days before the end of a certificate at which to warn, each once. */
  readonly expiryDays: readonly number[];
  /** At most one mail per kind of event in so many minutes: what happens meanwhile is gathered into the next. */
  readonly minutesBetweenMails: number;
  readonly digest: DigestTime;
  /** Grows by one with every change; the ETag of the API. */
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** Whether an active rule wants to hear of such an event; `profileId` null: of no profile. */
export function wants(rule: Pick<NotificationRule, 'events' | 'profileIds'>, kind: EventKind, profileId: string | null): boolean {
  if (!rule.events.includes(kind)) return false;
  return rule.profileIds.length === 0 || profileId === null || rule.profileIds.includes(profileId);
}
