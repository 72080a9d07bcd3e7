import { Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { oneQuery } from '../../api/queries.js';
import { Moment } from '../../components/moment.js';
import { Whole } from '../../components/whole.js';
import { settings as text } from '../../strings/settings.js';

/** A report, read once for each visit: each reading is an event of the audit trail. */
export function Report<T extends { readonly at: string }>({ path, children }: { readonly path: string; readonly children: (report: T) => ReactNode }) {
  const result = useQuery({ ...oneQuery<T>(path), staleTime: Number.POSITIVE_INFINITY, gcTime: 0, refetchOnWindowFocus: false });
  return (
    <Whole result={result}>
      {(report) => (
        <Stack gap="sm">
          <Text size="sm" c="dimmed">
            {text.asOf} <Moment at={report.at} exact />. {text.reading}
          </Text>
          {children(report)}
        </Stack>
      )}
    </Whole>
  );
}
