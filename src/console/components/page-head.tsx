import { Group, Stack, Text, Title } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import type { ReactNode } from 'react';
import { words } from '../strings/index.js';
import { plain } from './format.js';

interface PageHeadProps {
  readonly title: string;
  readonly text?: string;
  /** Beside the title: a badge. */
  readonly mark?: ReactNode;
  /** At the right: the page's main action. */
  readonly children?: ReactNode;
}

/** The heading of a page, and of the browser's tab. */
export function PageHead({ title, text, mark, children }: PageHeadProps) {
  const shown = plain(title);
  useDocumentTitle(`${shown} · ${words.shell.product}`);
  return (
    <Group justify="space-between" align="start" wrap="wrap" gap="sm">
      <Stack gap={2} style={{ minWidth: 0, flex: '1 1 260px' }}>
        <Group gap="sm">
          <Title order={1} className="foreign">
            {shown}
          </Title>
          {mark}
        </Group>
        {text !== undefined && (
          <Text size="sm" c="dimmed" className="foreign">
            {plain(text)}
          </Text>
        )}
      </Stack>
      <Group gap="sm">{children}</Group>
    </Group>
  );
}
