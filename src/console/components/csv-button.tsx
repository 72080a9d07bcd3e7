import { Button } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { callForBytes, type Query } from '../api/call.js';
import { announce } from '../app/announce.js';
import { words } from '../strings/index.js';
import { saveAs } from './download.js';
import { ProblemAlert } from './problem-alert.js';

const { lists } = words;

export interface Exported {
  /** Of the list in the API. */
  readonly path: string;
  /** Its search, filters and order; where it is paged does not matter. */
  readonly query: Query;
}

/** Saves everything that matches the search and the filters, in the order that is shown. */
export function CsvButton({ path, query }: Exported) {
  const { limit: _, cursor: __, ...asked } = query;
  const name = `${path.split('/').at(-1)}.csv`;
  const saving = useMutation({
    mutationFn: async () => saveAs(await callForBytes(path, 'text/csv', { query: asked }), name),
    onSuccess: () => announce(lists.exported(name)),
  });
  return (
    <>
      {saving.isError && <ProblemAlert error={saving.error} />}
      <Button
        size="compact-xs"
        variant="default"
        title={lists.exportHint}
        leftSection={<IconDownload size={13} aria-hidden />}
        loading={saving.isPending}
        onClick={() => saving.mutate()}
      >
        {lists.exportCsv}
      </Button>
    </>
  );
}
