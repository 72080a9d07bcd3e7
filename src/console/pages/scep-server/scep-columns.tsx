import { Anchor } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { ScepProfile } from '../../api/types.js';
import { StatusBadge } from '../../components/badges.js';
import { CopiedUrl } from '../../components/copied-url.js';
import type { Column } from '../../components/data-table.js';
import { Foreign } from '../../components/foreign.js';
import { RowActions } from '../../components/row-actions.js';
import { words } from '../../strings/index.js';

interface Writers {
  edit(profile: ScepProfile): void;
  remove(profile: ScepProfile): void;
}

const { columns, url } = words.scep;

/** The columns of the SCEP profiles; without writers nothing can be changed. */
export function scepColumns(writers: Writers | undefined): readonly Column<ScepProfile>[] {
  return [
    {
      label: columns.name,
      sort: 'name',
      render: ({ id, name }) => (
        <Anchor component={Link} to={`/scep-server/${id}`} size="sm" fw={600}>
          <Foreign text={name} />
        </Anchor>
      ),
    },
    { label: columns.status, sort: 'status', render: ({ status }) => <StatusBadge status={status} /> },
    { label: columns.tenant, sort: 'tenant', render: ({ tenant }) => <Foreign text={tenant} /> },
    { label: columns.url, sort: 'endpointPath', render: ({ serverUrl }) => <CopiedUrl url={serverUrl} what={url} /> },
    { label: columns.connectors, sort: 'connector', render: ({ connector }) => <Foreign text={connector} /> },
    {
      label: words.common.actions,
      align: 'right',
      render: (profile) => (
        <RowActions
          name={profile.name}
          to={`/scep-server/${profile.id}`}
          onEdit={writers && (() => writers.edit(profile))}
          onDelete={writers && (() => writers.remove(profile))}
        />
      ),
    },
  ];
}
