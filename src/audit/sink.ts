import type { Result } from '../runtime/result.js';
import type { Secret } from '../runtime/secret.js';

export const sinkTypes = ['syslog', 'webhook'] as const;
export type SinkType = (typeof sinkTypes)[number];

/** Syslog over TLS (RFC 5424, RFC 5425). */
export interface SyslogSettings {
  readonly host: string;
  readonly port: number;
  /** PEM of the CAs that the server's certificate must chain to; the system's list where absent. */
  readonly trustedCa?: string | undefined;
}

export interface WebhookSettings {
  readonly url: string;
  readonly trustedCa?: string | undefined;
}

/** Where audit events are copied to, in the order of the chain. */
export interface AuditSink {
  readonly id: string;
  readonly name: string;
  readonly type: SinkType;
  readonly status: 'active' | 'inactive';
  /** Events of this tenant only; null: of all, with checkpoints. */
  readonly tenantId: string | null;
  readonly settings: SyslogSettings | WebhookSettings;
  /** When the secret that signs a webhook's requests was set; null for syslog. */
  readonly secretUpdatedAt: Date | null;
  /** Everything up to this number of the chain was taken by the other side. */
  readonly position: number;
  readonly lastError: string | null;
  readonly deliveredAt: Date | null;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A line of an export (docs/audit.md): an event, or a checkpoint behind it. */
export interface ChainLine {
  readonly seq: number;
  readonly text: string;
  /** Undefined for a checkpoint. */
  readonly event?: { readonly at: string; readonly nodeId: string; readonly action: string; readonly outcome: string };
}

/** A sink that one process holds until its lease ends. */
export interface ClaimedSink extends Pick<AuditSink, 'id' | 'name' | 'type' | 'settings' | 'tenantId'> {
  readonly at: SinkPosition;
  readonly secret: Secret | undefined;
  readonly fence: number;
  readonly attempts: number;
}

/** How far a sink has come: a checkpoint may be signed after the events it covers were delivered. */
export interface SinkPosition {
  /** Number of the last event it has. */
  readonly position: number;
  /** Size of the last checkpoint it has. */
  readonly signed: number;
}

export interface SinkQueue {
  /** Active sinks that miss events or checkpoints and are due; each is held for `leaseMs`. */
  claim(leaseMs: number): Promise<readonly ClaimedSink[]>;
  /** What comes next for the sink, and where it stands once that is taken; undefined where it has everything. A page without lines moves on all the same. */
  next(sink: ClaimedSink, after: SinkPosition, limit: number): Promise<{ readonly lines: readonly ChainLine[]; readonly at: SinkPosition } | undefined>;
  /** False when the lease was lost meanwhile: somebody else delivers. */
  advance(sink: ClaimedSink, at: SinkPosition, leaseMs: number): Promise<boolean>;
  /** Gives the sink back, to be tried again after `delayMs`; `reason` null: all was taken. */
  release(sink: ClaimedSink, reason: string | null, delayMs: number): Promise<void>;
}

/** Carries lines to the other side; ok once it has taken all of them, else why not, in words. */
export type SinkCarrier = (sink: ClaimedSink, lines: readonly ChainLine[], deadline: AbortSignal) => Promise<Result<true, string>>;
