import { CloseButton, Group, Paper, Portal, Stack, Text } from '@mantine/core';
import { useSyncExternalStore } from 'react';
import { words } from '../strings/index.js';

interface Note {
  readonly id: number;
  readonly text: string;
}

const shownMs = 6_000;
let notes: readonly Note[] = [];
let lastId = 0;
const listeners = new Set<() => void>();

function put(next: readonly Note[]): void {
  notes = next;
  for (const listener of listeners) listener();
}

const withdraw = (id: number): void => put(notes.filter((note) => note.id !== id));

/** Says in a corner that something was done; faults are told where they happened. */
export function announce(text: string): void {
  lastId += 1;
  const id = lastId;
  put([...notes, { id, text }]);
  setTimeout(() => withdraw(id), shownMs);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function Announcements() {
  const shown = useSyncExternalStore(subscribe, () => notes);
  return (
    <Portal>
      <Stack gap="xs" pos="fixed" bottom={16} right={16} w={340} maw="calc(100vw - 32px)" style={{ zIndex: 500 }} role="status" aria-live="polite">
        {shown.map(({ id, text }) => (
          <Paper key={id} className="panel announcement" p="sm" shadow="md">
            <Group justify="space-between" wrap="nowrap" align="start">
              <Text size="sm" className="foreign">
                {text}
              </Text>
              <CloseButton size="sm" aria-label={words.common.close} onClick={() => withdraw(id)} />
            </Group>
          </Paper>
        ))}
      </Stack>
    </Portal>
  );
}
