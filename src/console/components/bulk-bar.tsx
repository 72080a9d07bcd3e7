import { Button, Group, Text } from '@mantine/core';
import { lazy, Suspense, useState } from 'react';
import { useMay } from '../app/session.js';
import { words } from '../strings/index.js';
import type { Bulk, BulkAction } from './bulk.js';
import { showNumber } from './format.js';

const BulkDialog = lazy(async () => ({ default: (await import('./bulk-dialog.js')).BulkDialog }));

interface BulkBarProps<T> {
  readonly bulk: Bulk<T>;
  readonly chosen: readonly T[];
  readonly onNone: () => void;
}

/** What can be done for the rows that are chosen; each button says for how many of them. */
export function BulkBar<T extends { readonly id: string }>({ bulk, chosen, onNone }: BulkBarProps<T>) {
  const may = useMay();
  const [asked, setAsked] = useState<{ readonly action: BulkAction<T>; readonly items: readonly T[] }>();
  if (chosen.length === 0 && asked === undefined) return null;
  const offers = bulk.actions.filter(({ needs }) => may(needs)).map((action) => ({ action, items: chosen.filter(action.fits) }));
  return (
    <Group gap="xs" px="sm" py={7} style={{ borderBottom: '1px solid var(--console-line)' }}>
      <Text size="sm" fw={600} role="status">
        {words.lists.chosen(showNumber(chosen.length))}
      </Text>
      {offers.map(({ action, items }) => (
        <Button
          key={action.label}
          size="compact-sm"
          variant="default"
          c={action.isGrave && items.length > 0 ? 'var(--console-bad)' : undefined}
          disabled={items.length === 0}
          onClick={() => setAsked({ action, items })}
        >
          {`${action.label} (${items.length})`}
        </Button>
      ))}
      <Button size="compact-sm" variant="subtle" color="gray" onClick={onNone}>
        {words.lists.chooseNone}
      </Button>
      {asked !== undefined && (
        <Suspense>
          <BulkDialog
            action={asked.action}
            items={asked.items.map((item) => ({ id: item.id, name: bulk.nameOf(item) }))}
            onClose={() => setAsked(undefined)}
            onDone={onNone}
          />
        </Suspense>
      )}
    </Group>
  );
}
