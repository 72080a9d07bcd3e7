import type { Context, SystemContext } from './context.js';
import type { ListQuery, Page } from './ports.js';

/** How a call of a connector ended: `refused` is an answer too, the other side said no to this request; `failed`: no useful answer. */
export const callResults = ['ok', 'refused', 'failed'] as const;
export type CallResult = (typeof callResults)[number];

export const callLevels = ['info', 'warning', 'error'] as const;
export type CallLevel = (typeof callLevels)[number];

export const levelOf: Readonly<Record<CallResult, CallLevel>> = { ok: 'info', refused: 'warning', failed: 'error' };

/** What was asked of the connector; `list`: a page of what the CA has issued; `probe` and `test` are our own questions. */
export const callOperations = ['issue', 'lookup', 'revoke', 'chain', 'crl', 'list', 'send', 'verify', 'probe', 'test'] as const;
export type CallOperation = (typeof callOperations)[number];

/** The answers a connector's call can have, as its log names them. */
export const callOutcomes = [
  ...(['issued', 'pending', 'refused', 'notSent', 'uncertain'] as const),
  ...(['found', 'none', 'unknown', 'revoked', 'notRevoked', 'answered'] as const),
  ...(['sent', 'deferred', 'unreachable', 'passed', 'error'] as const),
] as const;
export type CallOutcome = (typeof callOutcomes)[number];

/** One call of a connector, for its log: never headers, bodies or secrets. */
export interface ConnectorCall {
  readonly tenantId: string;
  readonly connectorId: string;
  readonly connectorVersion: number;
  readonly at: Date;
  readonly operation: CallOperation;
  readonly outcome: CallOutcome;
  readonly result: CallResult;
  /** The order it was about, where it was about one. */
  readonly orderId: string | null;
  /** What the other side knows the request by: our reference of an issuance, the serial of what is revoked, the Message-ID of a mail. */
  readonly requestId: string;
  /** Of the last request that went out. */
  readonly method: string | null;
  /** Path with what varies left out. */
  readonly route: string | null;
  /** HTTP status, or the reply code of another protocol. */
  readonly status: number | null;
  readonly durationMs: number;
  /** Requests that went out. */
  readonly attempts: number;
  /** SHA-256 of the server's TLS certificate. */
  readonly peer: string | null;
  /** One line of at most 500 characters, secrets masked. */
  readonly detail: string;
}

export interface RecordedCall extends ConnectorCall {
  readonly id: string;
  readonly level: CallLevel;
}

/** Takes a call at once and writes it a moment later; never throws, never makes anyone wait. */
export interface ConnectorLog {
  note(call: ConnectorCall): void;
}

export interface CallQuery extends ListQuery {
  readonly level?: CallLevel;
  readonly operation?: CallOperation;
  readonly outcome?: CallOutcome;
  readonly result?: CallResult;
  readonly orderId?: string;
  readonly since?: Date;
  readonly until?: Date;
}

/** The calls of a connector over a time, without our own probes and tests. */
export interface CallFigures {
  readonly calls: number;
  readonly ok: number;
  readonly refused: number;
  readonly failed: number;
  /** Per cent of calls that did what they were for; null when there were none. */
  readonly successRate: number | null;
  /** Milliseconds, within a tenth; null when there were none. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
}

export interface ConnectorLogReader {
  list(context: Context, connectorId: string, query: CallQuery): Promise<Page<RecordedCall>>;
  /** Whole hours, back from now. */
  figures(context: Context, connectorId: string, hours: number): Promise<CallFigures>;
  /** How the newest calls ended that are younger than `seconds`, at most 200 of them. */
  recent(context: Context, connectorId: string, seconds: number): Promise<{ readonly calls: number; readonly failed: number }>;
  /** Prepares the days to come, each a partition of its own that can be dropped whole. Returns how many were made. */
  makeRoom(context: SystemContext): Promise<number>;
  /** Forgets what is older than `days`, whole days at a time where they have a partition. Returns how many entries. */
  forget(context: SystemContext, days: number): Promise<number>;
}
