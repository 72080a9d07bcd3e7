import { Button, Group } from '@mantine/core';
import { setup } from '../../strings/setup.js';

interface StepButtonsProps {
  readonly action?: string;
  readonly canGoOn: boolean;
  readonly isBusy?: boolean;
  readonly onBack?: () => void;
}

/** At the foot of a step; the form around it hears of the first. */
export function StepButtons({ action = setup.goOn, canGoOn, isBusy = false, onBack }: StepButtonsProps) {
  return (
    <Group justify="end" gap="xs">
      {onBack !== undefined && (
        <Button variant="default" onClick={onBack}>
          {setup.back}
        </Button>
      )}
      <Button type="submit" disabled={!canGoOn} loading={isBusy}>
        {action}
      </Button>
    </Group>
  );
}
