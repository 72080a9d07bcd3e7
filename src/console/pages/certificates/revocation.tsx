import { Button, Select, Textarea } from '@mantine/core';
import { useState } from 'react';
import { call } from '../../api/call.js';
import { useChange } from '../../api/hooks.js';
import type { Certificate } from '../../api/types.js';
import { announce } from '../../app/announce.js';
import { useMay } from '../../app/session.js';
import { Confirm } from '../../components/confirm.js';
import { words } from '../../strings/index.js';

const { certificates } = words;

/** Revokes a certificate, or releases one that is on hold. */
export function Revocation({ certificate }: { readonly certificate: Certificate }) {
  const [isAsking, setAsking] = useState(false);
  const may = useMay();
  const isHeld = certificate.revocationReason === 'certificateHold';
  if (!may('certificate:revoke') || (certificate.status === 'revoked' && !isHeld)) return null;
  return (
    <>
      <Button variant="default" c="var(--console-bad)" onClick={() => setAsking(true)}>
        {isHeld ? `${certificates.revoke} / ${certificates.release}` : certificates.revoke}
      </Button>
      {isAsking && <Question certificate={certificate} isHeld={isHeld} onClose={() => setAsking(false)} />}
    </>
  );
}

interface QuestionProps {
  readonly certificate: Certificate;
  readonly isHeld: boolean;
  readonly onClose: () => void;
}

function Question({ certificate, isHeld, onClose }: QuestionProps) {
  const reasons: Readonly<Record<string, string>> = { ...certificates.reasons, ...(isHeld ? { removeFromCRL: certificates.release } : {}) };
  const [reason, setReason] = useState(isHeld ? 'removeFromCRL' : 'unspecified');
  const [comment, setComment] = useState('');
  const change = useChange(() => call<Certificate>(`/certificates/${certificate.id}/revoke`, { method: 'POST', body: { reason, comment } }));
  const done = (): void => {
    announce(certificates.wanted);
    onClose();
  };
  return (
    <Confirm
      opened
      title={certificates.revokeTitle}
      text={certificates.revokeText}
      action={reasons[reason] === certificates.release ? certificates.release : certificates.revoke}
      isBusy={change.isPending}
      error={change.error}
      onConfirm={() => change.mutate(undefined, { onSuccess: done })}
      onClose={onClose}
    >
      <Select
        label={certificates.reason}
        data={Object.entries(reasons).map(([value, label]) => ({ value, label }))}
        value={reason}
        onChange={(value) => setReason(value ?? 'unspecified')}
        allowDeselect={false}
      />
      <Textarea
        label={certificates.comment}
        description={certificates.commentHint}
        maxLength={1000}
        autosize
        value={comment}
        onChange={(event) => setComment(event.currentTarget.value)}
      />
    </Confirm>
  );
}
