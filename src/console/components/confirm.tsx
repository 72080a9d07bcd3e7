import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { words } from '../strings/index.js';
import { ProblemAlert } from './problem-alert.js';

interface ConfirmProps {
  readonly opened: boolean;
  readonly title: string;
  readonly text?: string;
  readonly action: string;
  readonly color?: string;
  readonly isBusy: boolean;
  readonly canAct?: boolean;
  readonly error: Error | null;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
  /** Further fields, such as a reason. */
  readonly children?: ReactNode;
}

/** A question before something that cannot be taken back. */
export function Confirm({ opened, title, text, action, color = 'red', isBusy, canAct = true, error, onConfirm, onClose, children }: ConfirmProps) {
  return (
    <Modal opened={opened} onClose={onClose} title={title} centered closeButtonProps={{ 'aria-label': words.common.close }}>
      <Stack gap="sm">
        {error !== null && <ProblemAlert error={error} />}
        {text !== undefined && <Text size="sm">{text}</Text>}
        {children}
        <Group justify="end" gap="xs">
          <Button variant="default" onClick={onClose}>
            {words.common.cancel}
          </Button>
          <Button color={color} loading={isBusy} disabled={!canAct} onClick={onConfirm}>
            {action}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
