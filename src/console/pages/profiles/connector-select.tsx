import { Select } from '@mantine/core';
import { useConnectors } from '../../api/hooks.js';
import { useTenant } from '../../app/tenant.js';
import { words } from '../../strings/index.js';

interface ConnectorSelectProps {
  readonly label: string;
  readonly value: string | null;
  readonly error: unknown;
  readonly onChange: (value: string | null) => void;
  /** Only connectors of this tenant can be chosen, once a profile belongs to one. */
  readonly tenantId: string | undefined;
}

/** Connectors that can issue certificates: the others are not offered, so that saving never fails for it. */
export function ConnectorSelect({ label, value, error, onChange, tenantId }: ConnectorSelectProps) {
  const { tenantId: shown } = useTenant();
  const { data, isPending } = useConnectors(tenantId ?? shown);
  const issuing = (data?.items ?? []).filter(({ type, status, id }) => type !== 'smtp' && (status === 'active' || id === value));
  const isAmbiguous = new Set(issuing.map((connector) => connector.tenantId)).size > 1;
  const options = issuing.map(({ id, name, tenant }) => ({ value: id, label: isAmbiguous ? `${name} (${tenant})` : name }));
  const isMissing = !isPending && issuing.length === 0;
  return (
    <Select
      label={label}
      description={isMissing ? words.profiles.noConnector : words.profiles.connectorHint}
      data={options}
      value={value}
      onChange={onChange}
      error={error as string | undefined}
      withAsterisk
      searchable
      allowDeselect={false}
    />
  );
}
