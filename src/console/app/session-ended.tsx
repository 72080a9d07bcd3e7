import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import { words } from '../strings/index.js';

const { shell } = words;
/** Above drawers and other dialogs, whose place in the kit is 200. */
const aboveAll = 400;

/** Says that the session is over. `stay` leaves the page as it is, `leave` goes to the login. */
export function SessionEnded({ stay, leave }: { readonly stay: () => void; readonly leave: () => void }) {
  return (
    <Modal opened onClose={stay} title={shell.endedTitle} centered zIndex={aboveAll} closeButtonProps={{ 'aria-label': words.common.close }}>
      <Stack gap="sm">
        <Text size="sm">{shell.endedText}</Text>
        <Group justify="end" gap="xs">
          <Button variant="default" onClick={stay}>
            {shell.endedStay}
          </Button>
          <Button onClick={leave}>{words.login.submit}</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
