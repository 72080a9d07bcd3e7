import { Stack, Text, Textarea } from '@mantine/core';
import { IconPencil } from '@tabler/icons-react';
import { call } from '../../api/call.js';
import type { CmpProfile, ScepProfile } from '../../api/types.js';
import { announce } from '../../app/announce.js';
import { useMay } from '../../app/session.js';
import { DrawerButton } from '../../components/drawer-button.js';
import { useEntityForm } from '../../components/entity-form.js';
import { FormDrawer } from '../../components/form-drawer.js';
import { Panel } from '../../components/panel.js';
import { words } from '../../strings/index.js';
import { PolicyFacts } from './policy-facts.js';

type Profile = CmpProfile | ScepProfile;

interface PolicyPanelProps {
  /** `/cmp-profiles` or `/scep-profiles`. */
  readonly path: string;
  readonly protocol: 'cmp' | 'scep';
  readonly profile: Profile;
}

const { profiles, common } = words;

/** What the profile allows, setting by setting, and the editor for all of it. */
export function PolicyPanel({ path, protocol, profile }: PolicyPanelProps) {
  const may = useMay();
  const { version: _, cmp, scep, ...shared } = profile.policy;
  const parts: Readonly<Record<string, unknown>> = protocol === 'cmp' ? { ...shared, cmp } : { ...shared, scep };
  const edit = (
    <DrawerButton label={profiles.policyEdit} icon={<IconPencil size={15} aria-hidden />}>
      {(close) => <PolicyEditor path={path} profile={profile} parts={parts} onClose={close} />}
    </DrawerButton>
  );
  return (
    <Panel title={profiles.tabs.policy} actions={may('profile:write') && edit}>
      <Text size="sm" c="dimmed">
        {profiles.policyText}
      </Text>
      <PolicyFacts parts={parts} />
    </Panel>
  );
}

interface PolicyEditorProps {
  readonly path: string;
  readonly profile: Profile;
  readonly parts: Readonly<Record<string, unknown>>;
  readonly onClose: () => void;
}

function jsonRule(text: string): string | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? null : profiles.policyBroken;
  } catch {
    return profiles.policyBroken;
  }
}

function PolicyEditor({ path, profile, parts, onClose }: PolicyEditorProps) {
  const entity = useEntityForm({
    initialValues: { json: JSON.stringify(parts, null, 2) },
    rules: { json: jsonRule },
    save: ({ json }) => call<Profile>(`${path}/${profile.id}`, { method: 'PATCH', body: { policy: JSON.parse(json) as unknown }, version: profile.version }),
    onSaved: ({ name }) => {
      announce(profiles.saved(name));
      onClose();
    },
  });
  return (
    <FormDrawer title={profiles.policyEdit} submitLabel={common.save} form={entity} onClose={onClose} onReload={onClose}>
      <Stack gap="xs">
        <Textarea
          label={profiles.policyJson}
          description={profiles.policyJsonHint}
          autosize
          minRows={18}
          maxRows={32}
          styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 12 } }}
          {...entity.field('json')}
        />
      </Stack>
    </FormDrawer>
  );
}
