import { Group, Paper, Stack, Title } from '@mantine/core';
import type { ReactNode } from 'react';

interface PanelProps {
  readonly title?: string;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

/** A part of a page, with its heading. */
export function Panel({ title, actions, children }: PanelProps) {
  return (
    <Paper className="panel" p="md" component="section" aria-label={title}>
      <Stack gap="sm">
        {title !== undefined && (
          <Group justify="space-between">
            <Title order={2}>{title}</Title>
            {actions}
          </Group>
        )}
        {children}
      </Stack>
    </Paper>
  );
}
