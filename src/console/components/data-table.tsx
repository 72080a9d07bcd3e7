import { Button, Group, Paper, Skeleton, Text, UnstyledButton } from '@mantine/core';
import { IconArrowDown, IconArrowsSort, IconArrowUp } from '@tabler/icons-react';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { Page } from '../api/types.js';
import { words } from '../strings/index.js';
import type { Bulk } from './bulk.js';
import { BulkBar } from './bulk-bar.js';
import { type Choice, useChoice } from './choice.js';
import { CsvButton, type Exported } from './csv-button.js';
import { EmptyState } from './empty-state.js';
import { plain, showTotal } from './format.js';
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
  /** Where its rows can be chosen. */
  readonly bulk?: Bulk<T> | undefined;
  /** Where it can be saved as a file. */
  readonly exported?: Exported | undefined;
  /** Beside the count of its rows. */
  readonly note?: ReactNode;
}

/** A list of the server's: it sorts, filters and pages there, and stays smooth however long it is. */
export function DataTable<T extends { readonly id: string }>(props: DataTableProps<T>) {
  const { result, state, empty } = props;
  const choice = useChoice(result.data?.items ?? [], props.bulk);
  if (result.isError && result.data === undefined) return <ProblemAlert error={result.error} onRetry={() => void result.refetch()} />;
  if (result.data?.items.length === 0 && state.isFirstPage) {
    return state.isFiltered ? <NothingFound state={state} /> : <Paper className="panel">{empty}</Paper>;
  }
  return (
    <Paper className="panel" style={{ overflow: 'hidden' }}>
      {choice !== undefined && <BulkBar bulk={choice.bulk} chosen={choice.chosen} onNone={choice.none} />}
      <div style={{ overflowX: 'auto' }}>
        <table
          className={props.columns.some(({ room }) => room !== undefined) ? 'grid list one-line' : 'grid list'}
          aria-label={props.label}
          aria-busy={result.isFetching}
        >
          <Head columns={props.columns} state={state} choice={choice} />
          <tbody>
            {result.data === undefined ? <Waiting columns={props.columns.length + 1} /> : <Rows {...props} choice={choice} items={result.data.items} />}
          </tbody>
        </table>
      </div>
      {result.data !== undefined && <Pager page={result.data} state={state} exported={props.exported} note={props.note} />}
    </Paper>
  );
}

interface HeadProps<T> {
  readonly columns: readonly Column<T>[];
  readonly state: ListState;
  readonly choice: Choice<T> | undefined;
}

function Head<T>({ columns, state, choice }: HeadProps<T>) {
  return (
    <thead>
      <tr>
        {choice !== undefined && (
          <td>
            <input type="checkbox" className="pick" aria-label={words.lists.chooseAll} checked={choice.isAll} onChange={choice.toggleAll} />
          </td>
        )}
        {columns.map(({ label, sort, align, room }) => {
          const direction = state.sort === sort ? 'ascending' : state.sort === `-${sort}` ? 'descending' : undefined;
          const Icon = direction === undefined ? IconArrowsSort : direction === 'ascending' ? IconArrowUp : IconArrowDown;
          return (
            <th key={label} scope="col" data-align={align} data-room={room} aria-sort={direction}>
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
            </th>
          );
        })}
      </tr>
    </thead>
  );
}

interface RowsProps<T> extends Pick<DataTableProps<T>, 'columns' | 'highlighted'> {
  readonly items: readonly T[];
  readonly choice: Choice<T> | undefined;
}

function Rows<T extends { readonly id: string }>({ items, columns, highlighted, choice }: RowsProps<T>) {
  return items.map((item) => (
    <tr key={item.id} data-id={item.id} className={item.id === highlighted ? 'highlighted' : undefined}>
      {choice !== undefined && (
        <td>
          <input
            type="checkbox"
            className="pick"
            aria-label={words.lists.choose(plain(choice.bulk.nameOf(item)))}
            checked={choice.has(item)}
            onChange={() => choice.toggle(item)}
          />
        </td>
      )}
      {columns.map(({ label, align, room, render }) => (
        <td key={label} data-align={align} data-room={room}>
          {render(item)}
        </td>
      ))}
    </tr>
  ));
}

const waitingRows = ['a', 'b', 'c', 'd', 'e', 'f'];

function Waiting({ columns }: { readonly columns: number }) {
  return waitingRows.map((row) => (
    <tr key={row}>
      <td colSpan={columns}>
        <Skeleton h={18} />
      </td>
    </tr>
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

interface PagerProps<T> {
  readonly page: Page<T>;
  readonly state: ListState;
  readonly exported: Exported | undefined;
  readonly note: ReactNode;
}

function Pager<T>({ page, state, exported, note }: PagerProps<T>) {
  const { nextCursor } = page;
  return (
    <Group justify="space-between" px="sm" py={7} style={{ borderTop: '1px solid var(--console-line)' }}>
      <Group gap="xs">
        <Text size="xs" c="dimmed" role="status">
          {words.common.rowsOf(page.items.length, showTotal(page))}
        </Text>
        {note}
      </Group>
      <Group gap="xs">
        {exported !== undefined && <CsvButton {...exported} />}
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
