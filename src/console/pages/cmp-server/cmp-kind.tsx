import { lazy } from 'react';
import type { CmpProfile, CmpSummary } from '../../api/types.js';
import { useMay } from '../../app/session.js';
import { StatusBadge } from '../../components/badges.js';
import { CopiedUrl } from '../../components/copied-url.js';
import { Facts } from '../../components/facts.js';
import { Foreign } from '../../components/foreign.js';
import { showNumber } from '../../components/format.js';
import { Moment } from '../../components/moment.js';
import { NameLink } from '../../components/name-link.js';
import { OrderCounts } from '../../components/order-counts.js';
import { Panel } from '../../components/panel.js';
import { words } from '../../strings/index.js';
import { activeAccounts, averageTime, successRate, totalOrders } from '../profiles/figures.js';
import type { ProfileKind } from '../profiles/profile-kind.js';
import { RotateSecret, shownCredentials } from './rotate-secret.js';

const { cards, cmp, common, profiles } = words;
const { columns } = cmp;

/** What is special of CMP profiles. */
export const cmpKind: ProfileKind<CmpProfile, CmpSummary> = {
  ...{ protocol: 'cmp', path: '/cmp-profiles', place: '/cmp-server', words: cmp },
  figures: [
    totalOrders,
    successRate,
    { label: cards.activeOrders, meaning: cards.meanings.activeOrders, read: (s) => s.activeOrders, show: showNumber, hasTrend: false },
    { label: cards.failedOrders, meaning: cards.meanings.failedOrders, read: (s) => s.failedOrders, show: showNumber, better: 'less' },
    averageTime(cards.averageTime),
    activeAccounts,
  ],
  columns: [
    { label: columns.name, sort: 'name', render: ({ id, name }) => <NameLink to={`/cmp-server/${id}`} name={name} /> },
    { label: columns.connector, sort: 'connector', render: ({ connector }) => <Foreign text={connector} /> },
    { label: columns.status, sort: 'status', render: ({ status }) => <StatusBadge status={status} /> },
    { label: columns.tenant, sort: 'tenant', render: ({ tenant }) => <Foreign text={tenant} /> },
    { label: columns.orders, sort: 'orders', align: 'right', render: ({ orders }) => <OrderCounts orders={orders} /> },
  ],
  Form: lazy(async () => ({ default: (await import('./cmp-form.js')).CmpForm })),
  secretOf: ({ credentials }) => (credentials?.secret === undefined ? undefined : shownCredentials({ ...credentials, secret: credentials.secret })),
  endpoint: ({ cmpUrl, javaBaseUrl, isDefault }) => [
    { label: cmp.url, value: <CopiedUrl url={cmpUrl} what={cmp.url} /> },
    { label: cmp.javaBaseUrl, value: <Foreign text={javaBaseUrl ?? common.none} wrap /> },
    isDefault && { label: cmp.isDefault, value: cmp.isDefaultHint },
  ],
  Credentials,
};

function Credentials({ profile }: { readonly profile: CmpProfile }) {
  const may = useMay();
  const { credentials } = profile;
  const set = credentials && (
    <span>
      •••••••• · <Moment at={credentials.updatedAt} />
    </span>
  );
  return (
    <Panel title={profiles.credentials} actions={may('profile:rotate-secret') && <RotateSecret profile={profile} />}>
      <Facts
        facts={[
          credentials != null && { label: cmp.reference, value: <CopiedUrl url={credentials.reference} what={cmp.reference} /> },
          { label: cmp.secret, value: set ?? cmp.noSecret },
        ]}
      />
    </Panel>
  );
}
