import { Button, Group, Kbd, NativeSelect, Paper, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconSearch } from '@tabler/icons-react';
import { useCallback, useEffect, useRef, useState } from 'react';
import { useKey } from '../app/keyboard.js';
import { words } from '../strings/index.js';
import { plain } from './format.js';
import type { ListState } from './list-state.js';

export interface Filter {
  /** Query parameter of the API. */
  readonly name: string;
  readonly label: string;
  readonly options: readonly { readonly value: string; readonly label: string }[];
}

interface FilterBarProps {
  readonly state: ListState;
  /** What the search looks at, such as `Name or tenant`; absent where the API searches nothing. */
  readonly placeholder?: string;
  readonly filters: readonly Filter[];
}

const typingPauseMs = 300;

/** Search and Filter: what is set here stands in the address, and Clear All takes it back. */
export function FilterBar({ state, placeholder, filters }: FilterBarProps) {
  return (
    <Paper className="panel" p="sm" component="search" aria-label={words.common.search}>
      <Group gap="sm" align="end">
        {placeholder !== undefined && <SearchInput state={state} placeholder={placeholder} />}
        {filters.map(({ name, label, options }) => (
          <NativeSelect
            key={name}
            label={label}
            size="xs"
            w={148}
            data={[{ value: '', label: words.common.any }, ...options.map(({ value, label: text }) => ({ value, label: plain(text) }))]}
            value={state.filter(name) ?? ''}
            onChange={(event) => state.setFilter(name, event.currentTarget.value)}
          />
        ))}
        <Button size="xs" variant="subtle" color="gray" disabled={!state.isFiltered} onClick={state.clearAll}>
          {words.common.clearAll}
        </Button>
      </Group>
    </Paper>
  );
}

function SearchInput({ state, placeholder }: { readonly state: ListState; readonly placeholder: string }) {
  const [text, setText] = useState(state.q);
  const input = useRef<HTMLInputElement>(null);
  // What was typed meanwhile is not taken back when the address says what was typed before.
  const sent = useRef<readonly string[]>([]);
  useEffect(() => {
    const place = sent.current.indexOf(state.q);
    sent.current = sent.current.slice(place + 1);
    if (place < 0) setText(state.q);
  }, [state.q]);
  const search = useDebouncedCallback((typed: string) => {
    const wanted = typed.trim();
    if (wanted !== state.q) sent.current = [...sent.current, wanted];
    state.setFilter('q', wanted);
  }, typingPauseMs);
  useKey(
    '/',
    useCallback(() => input.current?.focus(), []),
  );
  const change = (wanted: string): void => {
    setText(wanted);
    search(wanted);
  };
  return (
    <TextInput
      ref={input}
      type="search"
      label={words.common.search}
      placeholder={placeholder}
      size="xs"
      flex="1 1 200px"
      maxLength={200}
      leftSection={<IconSearch size={14} aria-hidden />}
      rightSection={<Kbd size="xs">/</Kbd>}
      value={text}
      onChange={(event) => change(event.currentTarget.value)}
      onKeyDown={(event) => event.key === 'Escape' && change('')}
    />
  );
}
