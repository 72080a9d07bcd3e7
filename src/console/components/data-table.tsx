import { Button, Group, Paper, Skeleton, Table, Text, UnstyledButton } from '@mantine/core';
import { IconArrowDown, IconArrowsSort, IconArrowUp } from '@tabler/icons-react';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { Page } from '../api/types.js';
import { words } from '../strings/index.js';
import { EmptyState } from './empty-state.js';
import { showTotal } from './format.js';
import type { ListState } from './list-state.js';
import { ProblemAlert } from './problem-alert.js';

export interface Column<T> {
  readonly label: string;
  /** The API's name of the field, where it can be sorted by. */
  readonly sort?: string;
  readonly align?: 'right';
  /** `rest`: takes the room that the others leave, and cuts its text there; `narrow`: never wide. A table with such columns breaks no line. */
  readonly room?: 'rest' | 'narrow';
  render(item: T): ReactNode;
}

interface DataTableProps<T> {
  /** What the table lists, for those who hear it. */
  readonly label: string;
  readonly columns: readonly Column<T>[];
  readonly result: UseQueryResult<Page<T>, Error>;
  readonly state: ListState;
  /** Shown when there is nothing at all, not for a search that finds nothing. */
  readonly empty: ReactNode;
  readonly highlighted?: string | undefined;
}

/** A list of the server's: it sorts, filters and pages there, and stays smooth however long it is. */
export function DataTable<T extends { readonly id: string }>(props: DataTableProps<T>) {
  const { result, state, empty } = props;
  if (result.isError && result.data === undefined) return <ProblemAlert error={result.error} onRetry={() => void result.refetch()} />;
  if (result.data?.items.length === 0 && state.isFirstPage) {
    return state.isFiltered ? <NothingFound state={state} /> : <Paper className="panel">{empty}</Paper>;
  }
  return (
    <Paper className="panel" style={{ overflow: 'hidden' }}>
      <Table.ScrollContainer minWidth={720} type="native">
        <Table
          highlightOnHover
          className={props.columns.some(({ room }) => room !== undefined) ? 'one-line' : undefined}
          aria-label={props.label}
          aria-busy={result.isFetching}
        >
          <Head columns={props.columns} state={state} />
          <Table.Tbody>{result.data === undefined ? <Waiting columns={props.columns.length} /> : <Rows {...props} items={result.data.items} />}</Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {result.data !== undefined && <Pager page={result.data} state={state} />}
    </Paper>
  );
}

function Head<T>({ columns, state }: { readonly columns: readonly Column<T>[]; readonly state: ListState }) {
  return (
    <Table.Thead>
      <Table.Tr>
        {columns.map(({ label, sort, align, room }) => {
          const direction = state.sort === sort ? 'ascending' : state.sort === `-${sort}` ? 'descending' : undefined;
          const Icon = direction === undefined ? IconArrowsSort : direction === 'ascending' ? IconArrowUp : IconArrowDown;
          return (
            <Table.Th key={label} ta={align} data-room={room} aria-sort={direction} fz="xs" c="dimmed" style={{ whiteSpace: 'nowrap' }}>
              {sort === undefined ? (
                label
              ) : (
                <UnstyledButton
                  className="sort-button"
                  aria-label={words.common.sortBy(label)}
                  onClick={() => state.setSort(direction === 'ascending' ? `-${sort}` : sort)}
                >
                  {label}
                  <Icon size={13} aria-hidden />
                </UnstyledButton>
              )}
            </Table.Th>
          );
        })}
      </Table.Tr>
    </Table.Thead>
  );
}

function Rows<T extends { readonly id: string }>({ items, columns, highlighted }: DataTableProps<T> & { readonly items: readonly T[] }) {
  return items.map((item) => (
    <Table.Tr key={item.id} data-id={item.id} className={item.id === highlighted ? 'highlighted' : undefined}>
      {columns.map(({ label, align, room, render }) => (
        <Table.Td key={label} ta={align} data-room={room}>
          {render(item)}
        </Table.Td>
      ))}
    </Table.Tr>
  ));
}

const waitingRows = ['a', 'b', 'c', 'd', 'e', 'f'];

function Waiting({ columns }: { readonly columns: number }) {
  return waitingRows.map((row) => (
    <Table.Tr key={row}>
      <Table.Td colSpan={columns}>
        <Skeleton h={18} />
      </Table.Td>
    </Table.Tr>
  ));
}

function NothingFound({ state }: { readonly state: ListState }) {
  const button = (
    <Button variant="light" onClick={state.clearAll}>
      {words.common.clearAll}
    </Button>
  );
  return (
    <Paper className="panel">
      <EmptyState title={words.common.nothingFound} text={words.common.nothingFoundText} action={button} />
    </Paper>
  );
}

function Pager<T>({ page, state }: { readonly page: Page<T>; readonly state: ListState }) {
  const { nextCursor } = page;
  return (
    <Group justify="space-between" px="sm" py={7} style={{ borderTop: '1px solid var(--console-line)' }}>
      <Text size="xs" c="dimmed" role="status">
        {words.common.rowsOf(page.items.length, showTotal(page))}
      </Text>
      <Group gap="xs">
        <Button size="compact-xs" variant="default" disabled={state.isFirstPage} onClick={state.goPrevious}>
          {words.common.previous}
        </Button>
        <Button size="compact-xs" variant="default" disabled={nextCursor === null} onClick={() => nextCursor !== null && state.goNext(nextCursor)}>
          {words.common.next}
        </Button>
      </Group>
    </Group>
  );
}
