import { Button, Stack } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import type { UseQueryResult } from '@tanstack/react-query';
import { type ComponentType, type ReactNode, Suspense, useCallback, useState } from 'react';
import type { Page } from '../api/types.js';
import { announce } from '../app/announce.js';
import { useKey } from '../app/keyboard.js';
import { useMay } from '../app/session.js';
import { words } from '../strings/index.js';
import type { Bulk } from './bulk.js';
import { type Column, DataTable } from './data-table.js';
import { EmptyState } from './empty-state.js';
import { type Filter, FilterBar } from './filter-bar.js';
import type { ListState } from './list-state.js';
import type { Managed, ManagedFormProps, ManagedPlace } from './managed.js';
import { PageHead } from './page-head.js';
import { RowActions } from './row-actions.js';

interface ManagedListProps<T extends Managed> extends ManagedPlace {
  readonly words: {
    readonly title: string;
    readonly text: string;
    readonly add: string;
    readonly list: string;
    readonly emptyTitle: string;
    readonly emptyText: string;
    created(name: string): string;
    saved(name: string): string;
  };
  /** What the search looks at. */
  readonly searchBy: string;
  readonly state: ListState;
  readonly filters: readonly Filter[];
  readonly result: UseQueryResult<Page<T>, Error>;
  readonly columns: readonly Column<T>[];
  /** Loaded when it is first opened. */
  readonly form: ComponentType<ManagedFormProps<T>>;
  readonly deletion?: { ask(item: T): void; readonly dialog: ReactNode };
  readonly bulk?: Bulk<T>;
  readonly onSaved?: (item: T) => void;
  /** In the head of the page. */
  readonly head?: ReactNode;
  /** Between head and search. */
  readonly children?: ReactNode;
}

/** A page of objects that administrators manage: search, list, the form to add and edit, the question before a deletion. */
export function ManagedList<T extends Managed>(props: ManagedListProps<T>) {
  const { words: text, state, result, form: Form, deletion, place } = props;
  const [open, setOpen] = useState<{ readonly item: T | undefined }>();
  const [highlighted, setHighlighted] = useState<string>();
  const canWrite = useMay()(props.writes);
  const add = useCallback(() => setOpen({ item: undefined }), []);
  useKey('n', canWrite ? add : undefined);
  const close = (): void => setOpen(undefined);
  const saved = (item: T): void => {
    announce(open?.item === undefined ? text.created(item.name) : text.saved(item.name));
    close();
    setHighlighted(item.id);
    props.onSaved?.(item);
  };
  const addButton = canWrite && (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={add}>
      {text.add}
    </Button>
  );
  const actions: Column<T> = {
    label: words.common.actions,
    align: 'right',
    render: (item) => (
      <RowActions
        name={item.name}
        to={place === undefined ? undefined : `${place}/${item.id}`}
        onEdit={canWrite ? () => setOpen({ item }) : undefined}
        onDelete={canWrite && deletion !== undefined ? () => deletion.ask(item) : undefined}
      />
    ),
  };
  const hasActions = canWrite || place !== undefined;
  return (
    <Stack gap="md">
      <PageHead title={text.title} text={text.text}>
        {props.head}
        {addButton}
      </PageHead>
      {props.children}
      <FilterBar state={state} placeholder={props.searchBy} filters={props.filters} />
      <DataTable
        label={text.list}
        columns={hasActions ? [...props.columns, actions] : props.columns}
        result={result}
        state={state}
        highlighted={highlighted}
        bulk={props.bulk}
        empty={<EmptyState title={text.emptyTitle} text={text.emptyText} action={addButton} />}
      />
      {open !== undefined && (
        <Suspense>
          <Form key={open.item?.id ?? 'new'} item={open.item} onClose={close} onSaved={saved} onReload={close} />
        </Suspense>
      )}
      {deletion?.dialog}
    </Stack>
  );
}
