import { Anchor, Button, Code, Stack, Text, Title } from '@mantine/core';
import { words } from '../strings/index.js';

/** An address that is no page. */
export function PageMissing() {
  return (
    <Stack align="center" pt={80} gap="xs">
      <Title order={1}>{words.shell.notFoundTitle}</Title>
      <Text c="dimmed">{words.shell.notFoundText}</Text>
      <Anchor href="/dashboard">{words.shell.backToStart}</Anchor>
    </Stack>
  );
}

/** A fault of the console itself: said, not hidden, and never a blank page. */
export function PageFailed({ error }: { readonly error: unknown }) {
  return (
    <Stack align="center" pt={80} gap="xs" role="alert">
      <Title order={1}>{words.shell.failedTitle}</Title>
      <Text c="dimmed" maw={520} ta="center">
        {words.shell.failedText}
      </Text>
      <Code>{error instanceof Error ? error.message : String(error)}</Code>
      <Button mt="sm" onClick={() => globalThis.location.reload()}>
        {words.shell.reload}
      </Button>
    </Stack>
  );
}
