import { Paper } from '@mantine/core';
import type { ReactNode } from 'react';
import type { Column } from './data-table.js';

interface WholeTableProps<T> {
  /** What the table lists, for those who hear it. */
  readonly label: string;
  readonly columns: readonly Column<T>[];
  readonly items: readonly T[];
  keyOf(item: T): string;
  /** Shown when there is nothing. */
  readonly empty: ReactNode;
}

/** A short list that comes whole: nothing to sort, filter or page. */
export function WholeTable<T>({ label, columns, items, keyOf, empty }: WholeTableProps<T>) {
  if (items.length === 0) return <Paper className="panel">{empty}</Paper>;
  return (
    <Paper className="panel" style={{ overflow: 'hidden' }}>
      <div style={{ overflowX: 'auto' }}>
        <table className="grid list" aria-label={label}>
          <thead>
            <tr>
              {columns.map((column) => (
                <th key={column.label} scope="col" data-align={column.align} data-room={column.room}>
                  {column.label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {items.map((item) => (
              <tr key={keyOf(item)} data-id={keyOf(item)}>
                {columns.map((column) => (
                  <td key={column.label} data-align={column.align} data-room={column.room}>
                    {column.render(item)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Paper>
  );
}
