import { Anchor, Button, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useProfiles } from '../../api/hooks.js';
import { listQuery } from '../../api/queries.js';
import type { Certificate } from '../../api/types.js';
import { useTenant } from '../../app/tenant.js';
import { type Column, DataTable } from '../../components/data-table.js';
import { EmptyState } from '../../components/empty-state.js';
import { FilterBar } from '../../components/filter-bar.js';
import { Foreign } from '../../components/foreign.js';
import { showDay } from '../../components/format.js';
import { useListState } from '../../components/list-state.js';
import { Moment } from '../../components/moment.js';
import { PageHead } from '../../components/page-head.js';
import { profileOptions } from '../../components/profile-options.js';
import { words } from '../../strings/index.js';
import { CertificateStatus } from './certificate-status.js';

const { certificates } = words;
const { columns } = certificates;

const list: readonly Column<Certificate>[] = [
  {
    label: columns.subject,
    sort: 'subject',
    render: ({ id, subject }) => (
      <Anchor component={Link} to={`/certificates/${id}`} size="sm" fw={600}>
        <Foreign text={subject === '' ? words.orders.noSubject : subject} />
      </Anchor>
    ),
  },
  { label: columns.status, render: (certificate) => <CertificateStatus certificate={certificate} /> },
  { label: columns.issuer, render: ({ issuer }) => <Foreign text={issuer} /> },
  { label: columns.notBefore, sort: 'notBefore', render: ({ notBefore }) => showDay(notBefore) },
  { label: columns.notAfter, sort: 'notAfter', render: ({ notAfter }) => <Moment at={notAfter} /> },
];

const hourMs = 3_600_000;

/** Valid ones that end within so many days from now; whole hours, so that the question stays the same while one looks. */
function expiring(days: string | number | undefined) {
  if (days === undefined || !/^\d{1,4}$/.test(String(days))) return {};
  const now = Math.floor(Date.now() / hourMs) * hourMs;
  const at = (ms: number): string => new Date(ms).toISOString();
  return { status: 'valid', expiresAfter: at(now), expiresBefore: at(now + Number(days) * 24 * hourMs) };
}

export function CertificatesPage() {
  const { tenantId } = useTenant();
  const state = useListState({ filters: ['status', 'profileId', 'within'], sort: '-createdAt' });
  const { within, ...asked } = state.query;
  const query = { ...asked, ...expiring(within) };
  const { data } = useProfiles(tenantId);
  const result = useQuery(listQuery<Certificate>('/certificates', query, 10_000));
  const filters = [
    { name: 'status', label: columns.status, options: Object.entries(certificates.statuses).map(([value, label]) => ({ value, label })) },
    { name: 'within', label: certificates.within, options: Object.entries(certificates.withins).map(([value, label]) => ({ value, label })) },
    { name: 'profileId', label: words.orders.columns.profile, options: profileOptions(data) },
  ];
  return (
    <Stack gap="md">
      <PageHead title={certificates.title} text={certificates.text}>
        <Button variant="default" component={Link} to="/unknown-certificates">
          {certificates.unknown}
        </Button>
      </PageHead>
      <FilterBar state={state} placeholder={certificates.searchBy} filters={filters} />
      <DataTable
        label={certificates.list}
        columns={list}
        result={result}
        state={state}
        exported={{ path: '/certificates', query }}
        empty={<EmptyState title={certificates.emptyTitle} text={certificates.emptyText} />}
      />
    </Stack>
  );
}
