import { Group, Text } from '@mantine/core';
import type { ScepProfile, SecretState } from '../../api/types.js';
import { useMay } from '../../app/session.js';
import { CopiedUrl } from '../../components/copied-url.js';
import { type Fact, Facts } from '../../components/facts.js';
import { showTime } from '../../components/format.js';
import { Panel } from '../../components/panel.js';
import { challenges } from '../../strings/challenges.js';
import { words } from '../../strings/index.js';
import { AppleProfile } from './apple-profile.js';
import { challengeFields, hasSettings, type SettledMode, settingsIn } from './challenge-fields.js';
import { MintChallenge } from './mint-challenge.js';

const { certificates, common, profiles, scep } = words;

/** How devices prove themselves to a SCEP profile, and it to them. */
export function ScepCredentials({ profile }: { readonly profile: ScepProfile }) {
  const may = useMay();
  const { challengePassword: known, challengeMode: mode, published } = profile;
  const actions = (
    <Group gap="xs">
      <AppleProfile profile={profile} />
      <MintChallenge profile={profile} />
    </Group>
  );
  const shown = [...published.ra, ...published.ca];
  return (
    <>
      <Panel title={profiles.credentials} actions={may('challenge:mint') && actions}>
        <Facts
          facts={[
            { label: scep.mode, value: scep.modes[mode] },
            ...(hasSettings(mode) ? settingFacts(profile, mode) : [{ label: scep.challenge, value: masked(known) }]),
          ]}
        />
      </Panel>
      <Panel title={scep.ra}>
        {shown.length === 0 ? (
          <Text size="sm" c="dimmed">
            {scep.raNone}
          </Text>
        ) : (
          <Facts facts={shown.map(certificateFact)} />
        )}
      </Panel>
    </>
  );
}

const masked = ({ set, updatedAt }: SecretState): string => (set && updatedAt !== null ? `•••••••• (${showTime(updatedAt)})` : common.secretUnset);

/** What is set for the mode; of secrets that they are, and since when. */
function settingFacts(profile: ScepProfile, mode: SettledMode): readonly Fact[] {
  const settings = settingsIn(profile, mode) ?? {};
  return challengeFields[mode].flatMap(({ name, kind }) => {
    const value = settings[name];
    if (value === undefined || value === null) return [];
    return [{ label: challenges.labels[name], value: kind === 'secret' ? masked(value as SecretState) : String(value) }];
  });
}

function certificateFact({ subject, sha256, notAfter }: ScepProfile['published']['ra'][number]): Fact {
  const value = (
    <div>
      <CopiedUrl url={sha256} what={certificates.sha256} />
      <Text size="xs" c="dimmed">
        {certificates.columns.notAfter} {showTime(notAfter)}
      </Text>
    </div>
  );
  return { label: subject, value };
}
