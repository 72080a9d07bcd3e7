import { Button, Group, Stack, Text } from '@mantine/core';
import { type FormEvent, lazy, Suspense, useState } from 'react';
import { call } from '../../api/call.js';
import { useChange, useConnectors } from '../../api/hooks.js';
import type { Connector } from '../../api/types.js';
import { useMay } from '../../app/session.js';
import { ProblemAlert } from '../../components/problem-alert.js';
import { setup } from '../../strings/setup.js';
import { ConnectorSelect } from '../profiles/connector-select.js';
import { StepButtons } from './step-buttons.js';

const ConnectorForm = lazy(async () => ({ default: (await import('../connectors/connector-form.js')).ConnectorForm }));

interface ConnectorStepProps {
  readonly tenantId: string;
  readonly connectorId: string | null;
  readonly onChosen: (connectorId: string) => void;
  readonly onBack: () => void;
}

/** Who issues: a connector of the tenant, the embedded engine, or a CA that is connected now. */
export function ConnectorStep({ tenantId, connectorId, onChosen, onBack }: ConnectorStepProps) {
  const [chosen, setChosen] = useState(connectorId);
  const [isConnecting, setConnecting] = useState(false);
  const { data } = useConnectors(tenantId);
  const may = useMay();
  const body = { type: 'crypto-engine', name: setup.embeddedName, tenantId, config: { url: 'embedded:' } };
  const embed = useChange(() => call<Connector>('/connectors', { method: 'POST', body }));
  const hasEmbedded = (data?.items ?? []).some(({ type, config }) => type === 'crypto-engine' && config.url === 'embedded:');
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (chosen !== null) onChosen(chosen);
  };
  const connected = ({ id }: Connector): void => {
    setConnecting(false);
    setChosen(id);
  };
  return (
    <>
      <form onSubmit={submit}>
        <Stack gap="sm" mt="sm">
          <Text size="sm">{setup.connectorText}</Text>
          {embed.isError && <ProblemAlert error={embed.error} />}
          <ConnectorSelect label={setup.connector} value={chosen} error={undefined} onChange={setChosen} tenantId={tenantId} />
          {may('connector:write') && (
            <Group gap="xs">
              {data !== undefined && !hasEmbedded && (
                <Button variant="light" size="xs" loading={embed.isPending} onClick={() => embed.mutate(undefined, { onSuccess: connected })}>
                  {setup.embedded}
                </Button>
              )}
              <Button variant="default" size="xs" onClick={() => setConnecting(true)}>
                {setup.other}
              </Button>
            </Group>
          )}
          <StepButtons canGoOn={chosen !== null} onBack={onBack} />
        </Stack>
      </form>
      {isConnecting && (
        <Suspense>
          <ConnectorForm item={undefined} onClose={() => setConnecting(false)} onSaved={connected} onReload={() => setConnecting(false)} />
        </Suspense>
      )}
    </>
  );
}
