import { Skeleton, Stack } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { ProblemAlert } from './problem-alert.js';

/** What one question to the API answers: a shape while it is asked, the fault if it fails. */
export function Whole<T>({ result, children }: { readonly result: UseQueryResult<T, Error>; readonly children: (value: T) => ReactNode }) {
  if (result.data !== undefined) return children(result.data);
  if (result.isError) return <ProblemAlert error={result.error} onRetry={() => void result.refetch()} />;
  return (
    <Stack gap="sm" aria-busy>
      <Skeleton h={28} w={260} />
      <Skeleton h={180} />
    </Stack>
  );
}
