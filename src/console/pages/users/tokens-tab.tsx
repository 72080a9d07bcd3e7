import { Badge, Button, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/call.js';
import { useChange } from '../../api/hooks.js';
import { listQuery } from '../../api/queries.js';
import type { ApiToken, CreatedToken } from '../../api/types.js';
import { announce } from '../../app/announce.js';
import { useMay } from '../../app/session.js';
import { Confirm } from '../../components/confirm.js';
import { type Column, DataTable } from '../../components/data-table.js';
import { EmptyState } from '../../components/empty-state.js';
import { FilterBar } from '../../components/filter-bar.js';
import { Foreign } from '../../components/foreign.js';
import { plain } from '../../components/format.js';
import { useListState } from '../../components/list-state.js';
import { Moment } from '../../components/moment.js';
import { useSecretShown } from '../../components/secret-shown.js';
import { TenantNames } from '../../components/tenant-names.js';
import { words } from '../../strings/index.js';
import { tokens } from '../../strings/people.js';
import { TokenForm } from './token-form.js';
import { RoleMarks } from './user-marks.js';
import type { TabProps } from './users-tab.js';

const { common } = words;
const { columns } = tokens;

function Expiry({ at }: { readonly at: string | null }) {
  if (at === null) return common.never;
  return new Date(at).getTime() < Date.now() ? <Badge color="red">{tokens.expired}</Badge> : <Moment at={at} />;
}

function columnsFor(revoke: ((token: ApiToken) => void) | undefined): readonly Column<ApiToken>[] {
  const shown: readonly Column<ApiToken>[] = [
    { label: columns.name, sort: 'name', room: 'rest', render: ({ name }) => <Foreign text={name} /> },
    { label: columns.role, render: ({ role }) => <RoleMarks roles={[role]} /> },
    { label: columns.tenant, room: 'narrow', render: ({ tenantId }) => <TenantNames ids={tenantId === null ? null : [tenantId]} /> },
    {
      label: columns.scope,
      render: ({ permissions }) => (
        <Text size="sm" title={permissions?.join(', ')}>
          {permissions === null ? tokens.allOfRole : tokens.some(permissions.length)}
        </Text>
      ),
    },
    { label: columns.expires, sort: 'expiresAt', render: ({ expiresAt }) => <Expiry at={expiresAt} /> },
    { label: columns.lastUsed, sort: 'lastUsedAt', render: ({ lastUsedAt }) => (lastUsedAt === null ? common.never : <Moment at={lastUsedAt} />) },
    { label: columns.created, sort: 'createdAt', render: ({ createdAt }) => <Moment at={createdAt} /> },
  ];
  if (revoke === undefined) return shown;
  const button = (token: ApiToken) => (
    <Button size="compact-xs" variant="default" c="var(--console-bad)" onClick={() => revoke(token)} aria-label={`${tokens.revoke}: ${token.name}`}>
      {tokens.revoke}
    </Button>
  );
  return [...shown, { label: common.actions, align: 'right', render: button }];
}

/** API tokens: list, a new one shown once, revocation. */
export function TokensTab({ addButton, isAdding, onClose }: TabProps) {
  const may = useMay();
  const state = useListState({ filters: [], sort: '-createdAt' });
  const result = useQuery(listQuery<ApiToken>('/tokens', state.query, 15_000));
  const [asked, setAsked] = useState<ApiToken>();
  const secret = useSecretShown();
  const [highlighted, setHighlighted] = useState<string>();
  const saved = ({ id, name, token }: CreatedToken): void => {
    announce(tokens.created(name));
    secret.show({ title: tokens.shownTitle, rows: [{ label: tokens.shownLabel, value: token }], note: tokens.shownNote });
    setHighlighted(id);
    onClose();
  };
  return (
    <Stack gap="md">
      <FilterBar state={state} placeholder={tokens.searchBy} filters={[]} />
      <DataTable
        label={tokens.list}
        columns={columnsFor(may('token:write') ? setAsked : undefined)}
        result={result}
        state={state}
        highlighted={highlighted}
        empty={<EmptyState title={tokens.emptyTitle} text={tokens.emptyText} action={addButton} />}
      />
      {isAdding && <TokenForm onClose={onClose} onSaved={saved} />}
      {secret.dialog}
      <Revocation token={asked} onClose={() => setAsked(undefined)} />
    </Stack>
  );
}

function Revocation({ token, onClose }: { readonly token: ApiToken | undefined; readonly onClose: () => void }) {
  const change = useChange(({ id }: ApiToken) => call<void>(`/tokens/${id}`, { method: 'DELETE' }));
  const close = (): void => {
    change.reset();
    onClose();
  };
  const act = (): void => {
    if (token === undefined) return;
    change.mutate(token, {
      onSuccess: () => {
        announce(tokens.revoked(token.name));
        close();
      },
    });
  };
  return (
    <Confirm
      opened={token !== undefined}
      title={tokens.revokeTitle(plain(token?.name ?? ''))}
      text={tokens.revokeText}
      action={tokens.revoke}
      isBusy={change.isPending}
      error={change.error}
      onConfirm={act}
      onClose={close}
    />
  );
}
