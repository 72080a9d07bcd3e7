import type { AuditEvent } from '../../audit/event.js';
import type { AuditSink } from '../../audit/sink.js';
import type { Result } from '../../runtime/result.js';
import type { Secret } from '../../runtime/secret.js';
import type { Context } from '../../tenancy/context.js';
import type { ListQuery, Page, WriteFault } from '../../tenancy/ports.js';

export interface RecordedAuditEvent extends AuditEvent {
  /** `<boot id>:<node sequence>` */
  readonly id: string;
  readonly nodeId: string;
}

export interface AuditListQuery extends ListQuery {
  readonly tenantId?: string;
  readonly actor?: string;
  readonly action?: string;
  readonly object?: string;
  readonly outcome?: AuditEvent['outcome'];
  /** RFC 3339; from this moment on. */
  readonly since?: string;
  /** RFC 3339; before this moment. */
  readonly until?: string;
}

export interface AuditReader {
  list(context: Context, query: AuditListQuery): Promise<Page<RecordedAuditEvent>>;
  find(context: Context, id: string): Promise<RecordedAuditEvent | undefined>;
}

export interface SinkListQuery extends ListQuery {
  readonly tenantId?: string;
  readonly status?: AuditSink['status'];
  readonly type?: AuditSink['type'];
}

type Written<T> = Promise<Result<T, WriteFault>>;

export interface NewSink extends Pick<AuditSink, 'id' | 'name' | 'type' | 'status' | 'tenantId' | 'settings'> {
  readonly secret: Secret | undefined;
  /** Whether what was sealed before is delivered too. */
  readonly startAt: 'now' | 'beginning';
}

export type SinkChange = Partial<Pick<AuditSink, 'name' | 'status' | 'tenantId' | 'settings'>> & { readonly secret?: Secret };

/** Where audit events are copied to. Each change writes its audit event. */
export interface SinkDesk {
  list(context: Context, query: SinkListQuery): Promise<Page<AuditSink>>;
  find(context: Context, id: string): Promise<AuditSink | undefined>;
  create(context: Context, sink: NewSink): Written<AuditSink>;
  update(context: Context, id: string, version: number, change: SinkChange): Written<AuditSink>;
  remove(context: Context, id: string, version: number): Written<true>;
}
