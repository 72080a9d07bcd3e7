import { Table } from '@mantine/core';
import type { ReactNode } from 'react';
import { plain } from './format.js';

export interface Fact {
  readonly label: string;
  readonly value: ReactNode;
}

/** Names and values below each other. */
export function Facts({ facts }: { readonly facts: readonly (Fact | false)[] }) {
  return (
    <Table variant="vertical" withRowBorders layout="fixed">
      <Table.Tbody>
        {facts
          .filter((fact) => fact !== false)
          .map(({ label, value }) => (
            <Table.Tr key={label}>
              <Table.Th w={{ base: 130, sm: 190 }} c="dimmed" fw={500} fz="sm" bg="transparent" className="foreign">
                {plain(label)}
              </Table.Th>
              <Table.Td fz="sm">{typeof value === 'string' ? <bdi className="foreign">{plain(value)}</bdi> : value}</Table.Td>
            </Table.Tr>
          ))}
      </Table.Tbody>
    </Table>
  );
}
