import { Button, Drawer, Group, Stack, Text } from '@mantine/core';
import { type FormEvent, type ReactNode, useState } from 'react';
import { words } from '../strings/index.js';
import type { FormState } from './entity-form.js';
import { ProblemAlert } from './problem-alert.js';

interface FormDrawerProps {
  readonly title: string;
  readonly submitLabel: string;
  readonly form: FormState;
  readonly onClose: () => void;
  /** Offered where somebody else was faster. */
  readonly onReload?: () => void;
  readonly children: ReactNode;
}

const { common } = words;

/** A form at the side of the page. Esc closes it; what was typed is not thrown away without a question. */
export function FormDrawer({ title, submitLabel, form, onClose, onReload, children }: FormDrawerProps) {
  const { isDirty, isBusy, error, hasField } = form;
  const [isAsking, setAsking] = useState(false);
  const close = (): void => (isDirty && !isBusy ? setAsking(true) : onClose());
  const discard = (): void => {
    setAsking(false);
    onClose();
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    form.submit();
  };
  return (
    <Drawer opened onClose={close} title={title} position="right" size={480} closeButtonProps={{ 'aria-label': common.close }}>
      <form onSubmit={submit} noValidate>
        <Stack gap="sm">
          {error !== null && <ProblemAlert error={error} shownElsewhere={hasField} {...(onReload === undefined ? {} : { onReload })} />}
          {children}
          {isAsking ? (
            <Group justify="space-between" role="alertdialog" aria-label={common.discardTitle}>
              <Text size="sm" fw={600}>
                {common.discardTitle}
              </Text>
              <Group gap="xs">
                <Button variant="default" onClick={() => setAsking(false)} autoFocus>
                  {common.keepEditing}
                </Button>
                <Button color="red" onClick={discard}>
                  {common.discard}
                </Button>
              </Group>
            </Group>
          ) : (
            <Group justify="end" gap="xs" mt="xs">
              <Button variant="default" onClick={close}>
                {common.cancel}
              </Button>
              <Button type="submit" loading={isBusy}>
                {submitLabel}
              </Button>
            </Group>
          )}
        </Stack>
      </form>
    </Drawer>
  );
}
