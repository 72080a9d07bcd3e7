import { Text, TextInput } from '@mantine/core';
import { IconKey } from '@tabler/icons-react';
import { call } from '../../api/call.js';
import type { MintedChallenge, ScepProfile } from '../../api/types.js';
import { DrawerButton } from '../../components/drawer-button.js';
import { useEntityForm } from '../../components/entity-form.js';
import { FormDrawer } from '../../components/form-drawer.js';
import { showTime } from '../../components/format.js';
import { useSecretShown } from '../../components/secret-shown.js';
import { words } from '../../strings/index.js';

const { scep } = words;

/** A challenge for one device. */
export function MintChallenge({ profile }: { readonly profile: ScepProfile }) {
  const secret = useSecretShown();
  const show = ({ challenge, expiresAt }: MintedChallenge): void =>
    secret.show({ title: scep.minted, rows: [{ label: scep.minted, value: challenge }], note: scep.mintExpires(showTime(expiresAt)) });
  const minted = (close: () => void) => (answer: MintedChallenge) => {
    close();
    show(answer);
  };
  return (
    <>
      <DrawerButton label={scep.mint} icon={<IconKey size={15} aria-hidden />}>
        {(close) => <MintForm profile={profile} onClose={close} onMinted={minted(close)} />}
      </DrawerButton>
      {secret.dialog}
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
    <FormDrawer title={scep.mint} submitLabel={scep.mintAction} form={entity} onClose={onClose}>
      <Text size="sm">{scep.mintText}</Text>
      <TextInput label={scep.mintSubject} description={scep.mintSubjectHint} data-autofocus {...entity.field('subject')} />
      <TextInput label={scep.mintDevice} description={scep.mintDeviceHint} maxLength={200} {...entity.field('deviceId')} />
    </FormDrawer>
  );
}
