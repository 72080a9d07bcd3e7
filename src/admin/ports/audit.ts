import type { AuditEvent } from '../../audit/event.js';
import type { Context } from '../../tenancy/context.js';
import type { ListQuery, Page } from '../../tenancy/ports.js';

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
}

export interface AuditReader {
  list(context: Context, query: AuditListQuery): Promise<Page<RecordedAuditEvent>>;
}
