import { Button, Group, Textarea } from '@mantine/core';
import { useState } from 'react';
import { call } from '../../api/call.js';
import { useChange } from '../../api/hooks.js';
import type { UnknownCertificate } from '../../api/types.js';
import { announce } from '../../app/announce.js';
import { Confirm } from '../../components/confirm.js';
import { plain } from '../../components/format.js';
import { words } from '../../strings/index.js';
import { unknownCertificates as text } from '../../strings/unknown-certificates.js';

/** What can be decided, and in which states. */
const decisions = {
  revoke: { label: text.revoke, title: text.revokeTitle, text: text.revokeText, color: 'red', states: ['FOUND', 'KEPT'] },
  keep: { label: text.keep, title: text.keepTitle, text: text.keepText, color: 'gate', states: ['FOUND'] },
} as const satisfies Record<string, { label: string; title: string; text: string; color: string; states: readonly UnknownCertificate['state'][] }>;

type Decision = keyof typeof decisions;

/** The buttons that this certificate allows; for callers who may decide. */
export function UnknownDecisions({ item }: { readonly item: UnknownCertificate }) {
  const [asked, setAsked] = useState<Decision>();
  const names = (Object.keys(decisions) as Decision[]).filter((name) => (decisions[name].states as readonly string[]).includes(item.state));
  return (
    <Group gap="xs" justify="end" wrap="nowrap">
      {names.map((name) => (
        <Button
          key={name}
          size="compact-xs"
          variant="default"
          {...(name === 'revoke' ? { c: 'var(--console-bad)' } : {})}
          aria-label={`${decisions[name].label}: ${plain(item.subject)}`}
          onClick={() => setAsked(name)}
        >
          {decisions[name].label}
        </Button>
      ))}
      {asked !== undefined && <Question decision={asked} item={item} onClose={() => setAsked(undefined)} />}
    </Group>
  );
}

interface QuestionProps {
  readonly decision: Decision;
  readonly item: UnknownCertificate;
  readonly onClose: () => void;
}

function Question({ decision, item, onClose }: QuestionProps) {
  const [reason, setReason] = useState('');
  const { label, title, text: explanation, color } = decisions[decision];
  const change = useChange(
    () => call<UnknownCertificate>(`/unknown-certificates/${item.id}/${decision}`, { method: 'POST', body: { reason: reason.trim() } }),
    () => announce(text.done[decision]),
  );
  return (
    <Confirm
      opened
      title={title}
      text={explanation}
      action={label}
      color={color}
      isBusy={change.isPending}
      canAct={reason.trim() !== ''}
      error={change.error}
      onConfirm={() => change.mutate(undefined, { onSuccess: onClose })}
      onClose={onClose}
    >
      <Textarea
        label={words.orders.reason}
        description={text.reasonHint}
        withAsterisk
        maxLength={1000}
        autosize
        minRows={2}
        data-autofocus
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
    </Confirm>
  );
}
