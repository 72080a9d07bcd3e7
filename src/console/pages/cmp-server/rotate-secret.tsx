import { Button, Select } from '@mantine/core';
import { IconRefresh } from '@tabler/icons-react';
import { useState } from 'react';
import { call } from '../../api/call.js';
import { useChange } from '../../api/hooks.js';
import type { CmpProfile, RotatedSecret } from '../../api/types.js';
import { Confirm } from '../../components/confirm.js';
import { showTime } from '../../components/format.js';
import { type ShownSecret, useSecretShown } from '../../components/secret-shown.js';
import { words } from '../../strings/index.js';

const { cmp, profiles } = words;

/** Credentials at the only time they can be read. */
export function shownCredentials({ reference, secret }: Pick<RotatedSecret, 'reference' | 'secret'>): ShownSecret {
  const rows = [
    { label: cmp.reference, value: reference },
    { label: cmp.secret, value: secret },
  ];
  return { title: cmp.secretTitle, rows };
}

/** A new shared secret; the old one goes on working for a while. */
export function RotateSecret({ profile }: { readonly profile: CmpProfile }) {
  const [isAsking, setAsking] = useState(false);
  const [grace, setGrace] = useState('86400');
  const secret = useSecretShown();
  const change = useChange(() => call<RotatedSecret>(`/cmp-profiles/${profile.id}/rotate-secret`, { method: 'POST', body: { graceSeconds: Number(grace) } }));
  const show = (rotated: RotatedSecret): void => {
    setAsking(false);
    secret.show({ ...shownCredentials(rotated), note: cmp.validUntil(showTime(rotated.previousValidUntil)) });
  };
  return (
    <>
      <Button variant="default" size="xs" leftSection={<IconRefresh size={15} aria-hidden />} onClick={() => setAsking(true)}>
        {profiles.rotate}
      </Button>
      <Confirm
        opened={isAsking}
        title={cmp.rotateTitle}
        text={cmp.rotateText}
        action={profiles.rotate}
        color="gate"
        isBusy={change.isPending}
        error={change.error}
        onConfirm={() => change.mutate(undefined, { onSuccess: show })}
        onClose={() => setAsking(false)}
      >
        <Select
          label={cmp.grace}
          data={Object.entries(cmp.graces).map(([value, label]) => ({ value, label }))}
          value={grace}
          onChange={(value) => setGrace(value ?? '86400')}
          allowDeselect={false}
        />
      </Confirm>
      {secret.dialog}
    </>
  );
}
