import { Alert, Button, Group, Text } from '@mantine/core';
import { IconShieldCheck } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { call } from '../../api/call.js';
import { oneQuery } from '../../api/queries.js';
import type { AuditCheckpoints, AuditEvent, AuditEventDetail } from '../../api/types.js';
import { CopiedUrl } from '../../components/copied-url.js';
import { Facts } from '../../components/facts.js';
import { showNumber, showTime } from '../../components/format.js';
import { Panel } from '../../components/panel.js';
import { ProblemAlert } from '../../components/problem-alert.js';
import { words } from '../../strings/index.js';
import { isSigned, readNote, type Verdict, verifyEvent } from './verify.js';

const { audit } = words;
/** Requests under way at once. */
const together = 5;

interface Verified {
  readonly head: { readonly size: number; readonly root: string; readonly time: string; readonly isSigned: boolean } | undefined;
  readonly key: string;
  readonly verdicts: readonly { readonly id: string; readonly verdict: Verdict }[];
}

/** The newest checkpoint: those before it are as many as they are pages of the API. */
async function newestCheckpoint(): Promise<{ readonly key: string; readonly note: string | undefined }> {
  const { key, items, state } = await call<AuditCheckpoints>('/audit-checkpoints', { query: { limit: 1 } });
  if (items.length === 0) return { key, note: undefined };
  const newest = await call<AuditCheckpoints>('/audit-checkpoints', { query: { after: state.signed - 1, limit: 1 } });
  return { key, note: (newest.items[0] ?? items[0])?.note };
}

async function verifyAll(events: readonly AuditEvent[]): Promise<Verified> {
  const { key, note } = await newestCheckpoint();
  const read = note === undefined ? undefined : readNote(note);
  const head = note === undefined || read === undefined ? undefined : { ...read, isSigned: await isSigned(note, key) };
  const verdicts: { id: string; verdict: Verdict }[] = [];
  for (let from = 0; from < events.length; from += together) {
    const lot = events.slice(from, from + together).map(async (event) => {
      const { proof } = await call<AuditEventDetail>(`/audit-events/${event.id}`);
      return { id: event.id, verdict: await verifyEvent(event, proof, key) };
    });
    verdicts.push(...(await Promise.all(lot)));
  }
  return { head, key, verdicts };
}

/** How far the chain of audit events is, and whether the events that are shown are in it as they were written: this browser computes it itself. */
export function Verification({ events }: { readonly events: readonly AuditEvent[] }) {
  const { data } = useQuery(oneQuery<AuditCheckpoints>('/audit-checkpoints', { limit: 1 }, 30_000));
  const verifying = useMutation({ mutationFn: () => verifyAll(events) });
  const button = (
    <Button
      variant="default"
      size="xs"
      leftSection={<IconShieldCheck size={15} aria-hidden />}
      loading={verifying.isPending}
      disabled={events.length === 0}
      onClick={() => verifying.mutate()}
    >
      {audit.verify}
    </Button>
  );
  return (
    <Panel title={audit.chain} actions={button}>
      <Group gap="xl">
        {data !== undefined && (
          <Text size="sm" c="dimmed">
            {audit.chainState(showNumber(data.state.sealed), showNumber(data.state.signed), showNumber(data.state.unsealed))}
          </Text>
        )}
      </Group>
      {verifying.isError && (globalThis.isSecureContext ? <ProblemAlert error={verifying.error} /> : <Alert color="orange">{audit.insecure}</Alert>)}
      {verifying.data !== undefined && <Result result={verifying.data} />}
    </Panel>
  );
}

function Result({ result: { head, key, verdicts } }: { readonly result: Verified }) {
  const count = (wanted: Verdict): number => verdicts.filter(({ verdict }) => verdict === wanted).length;
  const isFine = count('failed') === 0 && head?.isSigned !== false;
  const [color, title] = !isFine ? ['red', audit.tampered] : count('ok') === 0 ? ['gray', audit.tooEarly] : ['green', audit.verified];
  return (
    <Alert color={color} title={title} role="alert">
      <Text size="sm">{audit.counted(count('ok'), count('failed'), count('pending'))}</Text>
      {head !== undefined && (
        <Facts
          facts={[
            { label: audit.checkpoint, value: audit.checkpointOf(showNumber(head.size), showTime(head.time)) },
            { label: audit.head, value: <CopiedUrl url={head.root} what={audit.head} /> },
            { label: audit.signature, value: head.isSigned ? audit.signatureOk : audit.signatureWrong },
            { label: audit.key, value: <CopiedUrl url={key} what={audit.key} /> },
          ]}
        />
      )}
    </Alert>
  );
}
