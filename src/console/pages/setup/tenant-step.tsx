import { Select, Stack, Text, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { call } from '../../api/call.js';
import { useChange, useTenants } from '../../api/hooks.js';
import type { Tenant } from '../../api/types.js';
import { useMay, useSession } from '../../app/session.js';
import { plain } from '../../components/format.js';
import { ProblemAlert } from '../../components/problem-alert.js';
import { setup } from '../../strings/setup.js';
import { StepButtons } from './step-buttons.js';

interface TenantStepProps {
  readonly tenantId: string | null;
  readonly onChosen: (tenantId: string) => void;
}

/** Whose devices enrol: a tenant that is there, or a new one. */
export function TenantStep({ tenantId, onChosen }: TenantStepProps) {
  const session = useSession();
  const may = useMay();
  const { data } = useTenants();
  const [chosen, setChosen] = useState(tenantId);
  const [name, setName] = useState('');
  const change = useChange(() => call<Tenant>('/tenants', { method: 'POST', body: { name: name.trim() } }));
  const options = (data?.items ?? []).filter(({ status }) => status === 'active').map((tenant) => ({ value: tenant.id, label: tenant.name }));
  const selected = chosen ?? (options.length === 1 ? (options[0]?.value ?? null) : null);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (name.trim() !== '') change.mutate(undefined, { onSuccess: ({ id }) => onChosen(id) });
    else if (selected !== null) onChosen(selected);
  };
  const choice = (
    <>
      <Select label={setup.tenant} data={options} value={selected} onChange={setChosen} searchable allowDeselect={false} disabled={name.trim() !== ''} />
      {may('tenant:write') && (
        <TextInput
          label={setup.newTenant}
          description={setup.newTenantHint}
          maxLength={100}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
      )}
    </>
  );
  return (
    <form onSubmit={submit}>
      <Stack gap="sm" mt="sm">
        <Text size="sm">{setup.tenantText}</Text>
        {change.isError && <ProblemAlert error={change.error} />}
        {session.tenantId === null ? choice : <Text size="sm">{setup.boundTenant(plain(session.tenant ?? ''))}</Text>}
        <StepButtons canGoOn={selected !== null || name.trim() !== ''} isBusy={change.isPending} />
      </Stack>
    </form>
  );
}
