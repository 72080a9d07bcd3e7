import { Button, Group, TextInput } from '@mantine/core';
import { IconKey } from '@tabler/icons-react';
import { useState } from 'react';
import { call } from '../../api/call.js';
import type { MintedChallenge, ScepProfile } from '../../api/types.js';
import { useEntityForm } from '../../components/entity-form.js';
import { FormDrawer } from '../../components/form-drawer.js';
import { showTime } from '../../components/format.js';
import { words } from '../../strings/index.js';
import { SecretShown, type ShownSecret } from '../profiles/secret-shown.js';

const { scep } = words;

/** A challenge for one device. */
export function MintChallenge({ profile }: { readonly profile: ScepProfile }) {
  const [isOpen, setOpen] = useState(false);
  const [secret, setSecret] = useState<ShownSecret>();
  const show = ({ challenge, expiresAt }: MintedChallenge): void => {
    setOpen(false);
    setSecret({ title: scep.minted, rows: [{ label: scep.minted, value: challenge }], note: scep.mintExpires(showTime(expiresAt)) });
  };
  return (
    <>
      <Button variant="default" size="xs" leftSection={<IconKey size={15} aria-hidden />} onClick={() => setOpen(true)}>
        {scep.mint}
      </Button>
      {isOpen && <MintForm profile={profile} onClose={() => setOpen(false)} onMinted={show} />}
      <SecretShown secret={secret} onClose={() => setSecret(undefined)} />
    </>
  );
}

interface MintFormProps {
  readonly profile: ScepProfile;
  readonly onClose: () => void;
  readonly onMinted: (minted: MintedChallenge) => void;
}

function MintForm({ profile, onClose, onMinted }: MintFormProps) {
  const entity = useEntityForm({
    initialValues: { subject: '', deviceId: '' },
    rules: {},
    save: ({ subject, deviceId }) => {
      const body = { ...(subject === '' ? {} : { subject }), ...(deviceId === '' ? {} : { deviceId }) };
      return call<MintedChallenge>(`/scep-profiles/${profile.id}/challenges`, { method: 'POST', body });
    },
    onSaved: onMinted,
  });
  return (
    <FormDrawer
      title={scep.mint}
      submitLabel={scep.mintAction}
      opened
      isDirty={entity.isDirty}
      isBusy={entity.isBusy}
      error={entity.error}
      hasField={entity.hasField}
      onSubmit={entity.submit}
      onClose={onClose}
    >
      <Group>{scep.mintText}</Group>
      <TextInput label={scep.mintSubject} description={scep.mintSubjectHint} data-autofocus {...entity.field('subject')} />
      <TextInput label={scep.mintDevice} description={scep.mintDeviceHint} maxLength={200} {...entity.field('deviceId')} />
    </FormDrawer>
  );
}
