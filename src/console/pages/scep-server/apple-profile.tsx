import { Text, TextInput } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { callForBytes } from '../../api/call.js';
import type { ScepProfile } from '../../api/types.js';
import { announce } from '../../app/announce.js';
import { saveAs } from '../../components/download.js';
import { DrawerButton } from '../../components/drawer-button.js';
import { useEntityForm } from '../../components/entity-form.js';
import { FormDrawer } from '../../components/form-drawer.js';
import { words } from '../../strings/index.js';
import { required } from '../profiles/rules.js';

const { lists, scep } = words;

/** Makes a configuration profile for one Apple device, with a challenge of its own. */
export function AppleProfile({ profile }: { readonly profile: ScepProfile }) {
  return (
    <DrawerButton label={scep.apple} icon={<IconDownload size={15} aria-hidden />}>
      {(close) => <AppleForm profile={profile} onClose={close} />}
    </DrawerButton>
  );
}

function AppleForm({ profile: { id, endpointPath }, onClose }: { readonly profile: ScepProfile; readonly onClose: () => void }) {
  const name = `${endpointPath}.mobileconfig`;
  const entity = useEntityForm({
    initialValues: { deviceId: '' },
    rules: { deviceId: required },
    save: (body) => callForBytes(`/scep-profiles/${id}/mobileconfig`, 'application/x-apple-aspen-config', { method: 'POST', body }),
    onSaved: (file) => {
      saveAs(file, name);
      announce(lists.exported(name));
      onClose();
    },
  });
  return (
    <FormDrawer title={scep.apple} submitLabel={scep.appleAction} form={entity} onClose={onClose}>
      <Text size="sm">{scep.appleText}</Text>
      <TextInput label={scep.appleDevice} description={scep.appleDeviceHint} withAsterisk maxLength={64} data-autofocus {...entity.field('deviceId')} />
    </FormDrawer>
  );
}
