import { Stack, Text, Title } from '@mantine/core';
import type { ReactNode } from 'react';

/** A page with nothing on it yet: what would be here, why it is not, and the button that changes that. */
export function EmptyState({ title, text, action }: { readonly title: string; readonly text: string; readonly action?: ReactNode }) {
  return (
    <Stack align="center" gap={6} py={48} px="md">
      <Title order={2}>{title}</Title>
      <Text size="sm" c="dimmed" maw={480} ta="center">
        {text}
      </Text>
      {action !== undefined && action !== null && <div style={{ marginTop: 10 }}>{action}</div>}
    </Stack>
  );
}
