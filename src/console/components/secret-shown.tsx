import { Alert, Button, Code, Group, Modal, Stack, Text } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { words } from '../strings/index.js';
import { Copy } from './copy.js';

export interface ShownSecret {
  readonly title: string;
  readonly rows: readonly { readonly label: string; readonly value: string }[];
  readonly note?: string;
}

/** A secret at the only time it can be read. Neither Esc nor a click beside it closes this by accident. */
export function SecretShown({ secret, onClose }: { readonly secret: ShownSecret | undefined; readonly onClose: () => void }) {
  return (
    <Modal
      opened={secret !== undefined}
      onClose={onClose}
      title={secret?.title}
      centered
      size="lg"
      closeOnClickOutside={false}
      closeOnEscape={false}
      withCloseButton={false}
    >
      <Stack gap="sm">
        <Alert color="orange">{words.common.shownOnce}</Alert>
        {secret?.rows.map(({ label, value }) => (
          <div key={label}>
            <Text size="sm" fw={600}>
              {label}
            </Text>
            <Group gap="xs" wrap="nowrap">
              <Code fz="sm" className="foreign" style={{ flex: 1 }}>
                {value}
              </Code>
              <Copy text={value} what={label} />
            </Group>
          </div>
        ))}
        {secret?.note !== undefined && <Text size="sm">{secret.note}</Text>}
        <Group justify="end">
          <Button onClick={onClose} data-autofocus>
            {words.common.close}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

interface SecretShow {
  show(secret: ShownSecret | undefined): void;
  readonly dialog: ReactNode;
}

/** The dialog for secrets of one page; `show` opens it. What was shown is forgotten when it is closed. */
export function useSecretShown(): SecretShow {
  const [secret, show] = useState<ShownSecret>();
  return { show, dialog: <SecretShown secret={secret} onClose={() => show(undefined)} /> };
}
