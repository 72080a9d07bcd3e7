import { useQuery } from '@tanstack/react-query';
import { listQuery } from '../../api/queries.js';
import type { AuditSink } from '../../api/types.js';
import { StatusBadge } from '../../components/badges.js';
import type { Column } from '../../components/data-table.js';
import { EmptyState } from '../../components/empty-state.js';
import { Foreign } from '../../components/foreign.js';
import { Moment } from '../../components/moment.js';
import { TenantNames } from '../../components/tenant-names.js';
import { Whole } from '../../components/whole.js';
import { WholeTable } from '../../components/whole-table.js';
import { settings } from '../../strings/settings.js';

const text = settings.sinks;

const goalOf = ({ settings: { host, port, url } }: AuditSink): string => url ?? `${host ?? ''}:${port ?? ''}`;

const columns: readonly Column<AuditSink>[] = [
  { label: text.columns.name, render: ({ name }) => <Foreign text={name} wrap /> },
  { label: text.columns.type, render: ({ type }) => text.types[type] },
  { label: text.columns.goal, render: (sink) => <Foreign text={goalOf(sink)} wrap /> },
  { label: text.columns.tenant, render: ({ tenantId }) => <TenantNames ids={tenantId === null ? null : [tenantId]} /> },
  { label: text.columns.status, render: ({ status }) => <StatusBadge status={status} /> },
  { label: text.columns.delivered, render: ({ deliveredAt }) => (deliveredAt === null ? text.never : <Moment at={deliveredAt} />) },
  { label: text.columns.fault, render: ({ lastError }) => <Foreign text={lastError ?? ''} wrap /> },
];

/** Where audit events are copied to, and how far the other side has come. */
export function SinksTab() {
  const result = useQuery(listQuery<AuditSink>('/audit-sinks', { limit: '100', sort: 'name' }, 15_000));
  return (
    <Whole result={result}>
      {({ items }) => (
        <WholeTable
          label={text.list}
          columns={columns}
          items={items}
          keyOf={({ id }) => id}
          empty={<EmptyState title={text.emptyTitle} text={text.emptyText} />}
        />
      )}
    </Whole>
  );
}
