import { Paper, Stack, Stepper } from '@mantine/core';
import { useState } from 'react';
import { useSession } from '../../app/session.js';
import { useTenant } from '../../app/tenant.js';
import { PageHead } from '../../components/page-head.js';
import { setup } from '../../strings/setup.js';
import type { Profile } from '../profiles/profile-kind.js';
import { ConnectorStep } from './connector-step.js';
import { DeviceStep } from './device-step.js';
import { ProfileStep } from './profile-step.js';
import { TenantStep } from './tenant-step.js';

const { steps } = setup;

export interface MadeProfile {
  readonly protocol: 'cmp' | 'scep';
  readonly profile: Profile;
}

/** From an empty installation to the first certificate; each step keeps what it made, also when somebody stops here. */
export function SetupPage() {
  const session = useSession();
  const { tenantId: shown } = useTenant();
  const [step, setStep] = useState(0);
  const [tenantId, setTenantId] = useState(session.tenantId ?? shown ?? null);
  const [connectorId, setConnectorId] = useState<string | null>(null);
  const [made, setMade] = useState<MadeProfile>();
  const tenantChosen = (id: string): void => {
    if (id !== tenantId) setConnectorId(null);
    setTenantId(id);
    setStep(1);
  };
  const connectorChosen = (id: string): void => {
    setConnectorId(id);
    setStep(2);
  };
  const profileMade = (profile: MadeProfile): void => {
    setMade(profile);
    setStep(3);
  };
  return (
    <Stack gap="md" maw={1000}>
      <PageHead title={setup.title} text={setup.text} />
      <Paper className="panel" p="md">
        <Stepper active={step} onStepClick={setStep} allowNextStepsSelect={false} size="sm">
          <Stepper.Step label={steps.tenant} allowStepSelect={made === undefined && step > 0}>
            <TenantStep tenantId={tenantId} onChosen={tenantChosen} />
          </Stepper.Step>
          <Stepper.Step label={steps.connector} allowStepSelect={made === undefined && step > 1}>
            {tenantId !== null && <ConnectorStep tenantId={tenantId} connectorId={connectorId} onChosen={connectorChosen} onBack={() => setStep(0)} />}
          </Stepper.Step>
          <Stepper.Step label={steps.profile} allowStepSelect={false}>
            {connectorId !== null && <ProfileStep connectorId={connectorId} onMade={profileMade} onBack={() => setStep(1)} />}
          </Stepper.Step>
          <Stepper.Step label={steps.device} allowStepSelect={false} />
        </Stepper>
      </Paper>
      {made !== undefined && <DeviceStep made={made} />}
    </Stack>
  );
}
