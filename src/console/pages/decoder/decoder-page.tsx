import { Button, Grid, Group, Select, Stack, Textarea } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type DragEvent, useState } from 'react';
import { call } from '../../api/call.js';
import { useProfiles } from '../../api/hooks.js';
import type { Decoded } from '../../api/types.js';
import { useTenant } from '../../app/tenant.js';
import { EmptyState } from '../../components/empty-state.js';
import { PageHead } from '../../components/page-head.js';
import { Panel } from '../../components/panel.js';
import { ProblemAlert } from '../../components/problem-alert.js';
import { words } from '../../strings/index.js';
import { FieldTree, VerdictBadge } from './field-tree.js';

const { decoder } = words;

/** Texts are taken as they are, bytes as base64. */
async function messageIn(file: File): Promise<string> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const isText = bytes.every((byte) => byte === 9 || byte === 10 || byte === 13 || (byte >= 32 && byte < 127));
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
  return isText ? text : btoa(text);
}

export function DecoderPage() {
  const { tenantId } = useTenant();
  const { data } = useProfiles(tenantId);
  const [message, setMessage] = useState('');
  const [profileId, setProfileId] = useState<string | null>(null);
  const decoding = useMutation({
    mutationFn: () => call<Decoded>('/decode', { method: 'POST', body: { message, ...(profileId === null ? {} : { profileId }) } }),
  });
  const drop = async (event: DragEvent): Promise<void> => {
    event.preventDefault();
    const file = event.dataTransfer.files[0];
    if (file !== undefined) setMessage(await messageIn(file));
  };
  const profiles = (data ?? []).filter(({ protocol }) => protocol === 'scep').map(({ id, name }) => ({ value: id, label: name }));
  return (
    <Stack gap="md">
      <PageHead title={decoder.title} text={decoder.text} />
      <Grid>
        <Grid.Col span={{ base: 12, lg: 5 }}>
          <Panel>
            <Textarea
              label={decoder.message}
              description={`${decoder.messageHint} ${decoder.drop}`}
              autosize
              minRows={10}
              maxRows={20}
              spellCheck={false}
              styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 12 } }}
              value={message}
              onChange={(event) => setMessage(event.currentTarget.value)}
              onDragOver={(event) => event.preventDefault()}
              onDrop={drop}
            />
            <Select label={decoder.profile} description={decoder.profileHint} data={profiles} value={profileId} onChange={setProfileId} clearable />
            <Group>
              <Button loading={decoding.isPending} disabled={message.trim() === ''} onClick={() => decoding.mutate()}>
                {decoder.submit}
              </Button>
            </Group>
            {decoding.isError && <ProblemAlert error={decoding.error} />}
          </Panel>
        </Grid.Col>
        <Grid.Col span={{ base: 12, lg: 7 }}>{decoding.data === undefined ? <Nothing /> : <Answer decoded={decoding.data} />}</Grid.Col>
      </Grid>
    </Stack>
  );
}

function Nothing() {
  return (
    <Panel>
      <EmptyState title={decoder.emptyTitle} text={decoder.emptyText} />
    </Panel>
  );
}

function Answer({ decoded }: { readonly decoded: Decoded }) {
  return (
    <Panel title={decoder.kinds[decoded.kind]} actions={<VerdictBadge decoded={decoded} />}>
      <FieldTree fields={decoded.fields} />
    </Panel>
  );
}
