import { lazy } from 'react';
import type { ScepProfile, ScepSummary } from '../../api/types.js';
import { StatusBadge } from '../../components/badges.js';
import { CopiedUrl } from '../../components/copied-url.js';
import { Foreign } from '../../components/foreign.js';
import { showNumber } from '../../components/format.js';
import { NameLink } from '../../components/name-link.js';
import { words } from '../../strings/index.js';
import { activeAccounts, averageTime, successRate, totalOrders } from '../profiles/figures.js';
import type { ProfileKind } from '../profiles/profile-kind.js';
import { ScepCredentials } from './scep-credentials.js';

const { cards, common, scep } = words;
const { columns, url } = scep;

/** What is special of SCEP profiles. */
export const scepKind: ProfileKind<ScepProfile, ScepSummary> = {
  ...{ protocol: 'scep', path: '/scep-profiles', place: '/scep-server', words: scep },
  figures: [
    totalOrders,
    successRate,
    {
      ...{ label: cards.activeFailedOrders, meaning: cards.meanings.activeFailedOrders, better: 'less' },
      ...{ read: (s: ScepSummary) => s.activeFailedOrders, show: showNumber },
    },
    averageTime(cards.average),
    activeAccounts,
  ],
  columns: [
    { label: columns.name, sort: 'name', render: ({ id, name }) => <NameLink to={`/scep-server/${id}`} name={name} /> },
    { label: columns.status, sort: 'status', render: ({ status }) => <StatusBadge status={status} /> },
    { label: columns.tenant, sort: 'tenant', render: ({ tenant }) => <Foreign text={tenant} /> },
    { label: columns.url, sort: 'endpointPath', render: ({ serverUrl }) => <CopiedUrl url={serverUrl} what={url} /> },
    { label: columns.connectors, sort: 'connector', render: ({ connector }) => <Foreign text={connector} /> },
  ],
  Form: lazy(async () => ({ default: (await import('./scep-form.js')).ScepForm })),
  secretOf: () => undefined,
  endpoint: ({ serverUrl, publicBaseUrl }) => [
    { label: url, value: <CopiedUrl url={serverUrl} what={url} /> },
    { label: scep.publicBaseUrl, value: <Foreign text={publicBaseUrl ?? common.none} wrap /> },
  ],
  Credentials: ScepCredentials,
};
