import { Input, SegmentedControl, Stack, Text, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { call } from '../../api/call.js';
import { useChange } from '../../api/hooks.js';
import type { CmpProfile, ScepProfile } from '../../api/types.js';
import { ProblemAlert } from '../../components/problem-alert.js';
import { SecretShown, type ShownSecret } from '../../components/secret-shown.js';
import { words } from '../../strings/index.js';
import { setup } from '../../strings/setup.js';
import { cmpKind } from '../cmp-server/cmp-kind.js';
import { pathFrom } from '../profiles/rules.js';
import { scepKind } from '../scep-server/scep-kind.js';
import type { MadeProfile } from './setup-page.js';
import { StepButtons } from './step-buttons.js';

interface ProfileStepProps {
  readonly connectorId: string;
  readonly onMade: (made: MadeProfile) => void;
  readonly onBack: () => void;
}

interface Made {
  readonly made: MadeProfile;
  readonly secret: ShownSecret | undefined;
}

async function create(protocol: 'cmp' | 'scep', body: unknown): Promise<Made> {
  if (protocol === 'cmp') {
    const profile = await call<CmpProfile>(cmpKind.path, { method: 'POST', body });
    return { made: { protocol, profile }, secret: cmpKind.secretOf(profile) };
  }
  const profile = await call<ScepProfile>(scepKind.path, { method: 'POST', body });
  return { made: { protocol, profile }, secret: scepKind.secretOf(profile) };
}

/** What devices talk to; what was made for them as a secret is shown before anything else. */
export function ProfileStep({ connectorId, onMade, onBack }: ProfileStepProps) {
  const [protocol, setProtocol] = useState<'cmp' | 'scep'>('cmp');
  const [name, setName] = useState('');
  const [shown, setShown] = useState<Made>();
  const change = useChange(() => create(protocol, { name: name.trim(), connectorId }));
  const done = (result: Made): void => (result.secret === undefined ? onMade(result.made) : setShown(result));
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    change.mutate(undefined, { onSuccess: done });
  };
  const path = pathFrom(name);
  return (
    <form onSubmit={submit}>
      <Stack gap="sm" mt="sm">
        <Text size="sm">{setup.profileText}</Text>
        {change.isError && <ProblemAlert error={change.error} />}
        <Input.Wrapper label={setup.protocol} component="div">
          <SegmentedControl
            aria-label={setup.protocol}
            value={protocol}
            onChange={(chosen) => setProtocol(chosen === 'scep' ? 'scep' : 'cmp')}
            data={Object.entries(words.orders.protocols).map(([value, label]) => ({ value, label }))}
          />
        </Input.Wrapper>
        <TextInput
          label={setup.name}
          description={path === '' ? setup.nameHint : `/${protocol}/${path}`}
          withAsterisk
          maxLength={100}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <StepButtons action={setup.create} canGoOn={name.trim() !== ''} isBusy={change.isPending} onBack={onBack} />
      </Stack>
      <SecretShown secret={shown?.secret} onClose={() => shown !== undefined && onMade(shown.made)} />
    </form>
  );
}
