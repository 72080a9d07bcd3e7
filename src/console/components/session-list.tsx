import { Badge, Button, Group, Table, Text } from '@mantine/core';
import type { SessionRow } from '../api/types.js';
import { sessions } from '../strings/people.js';
import { Foreign } from './foreign.js';
import { Moment } from './moment.js';

interface SessionListProps {
  readonly items: readonly SessionRow[];
  /** Absent: the caller may only look. */
  readonly onEnd?: ((session: SessionRow) => void) | undefined;
}

const { columns } = sessions;

/** Where somebody is signed in. */
export function SessionList({ items, onEnd }: SessionListProps) {
  return (
    <Table.ScrollContainer minWidth={640} type="native">
      <Table aria-label={sessions.list} className="one-line">
        <Table.Thead>
          <Table.Tr>
            <Table.Th data-room="rest">{columns.browser}</Table.Th>
            {[columns.source, columns.begun, columns.lastUsed, columns.ends].map((label) => (
              <Table.Th key={label}>{label}</Table.Th>
            ))}
            {onEnd !== undefined && <Table.Th aria-label={sessions.end} />}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {items.map((session) => (
            <Line key={session.id} session={session} onEnd={onEnd} />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Line({ session, onEnd }: { readonly session: SessionRow; readonly onEnd: SessionListProps['onEnd'] }) {
  return (
    <Table.Tr data-id={session.id}>
      <Table.Td data-room="rest">
        <Foreign text={session.userAgent} />
        <Text size="xs" c="dimmed">
          {sessions.methods[session.method]}
        </Text>
      </Table.Td>
      <Table.Td>
        <Foreign text={session.source} />
      </Table.Td>
      <Table.Td>
        <Moment at={session.createdAt} />
      </Table.Td>
      <Table.Td>
        <Moment at={session.lastUsedAt} />
      </Table.Td>
      <Table.Td>
        <Moment at={session.expiresAt} />
      </Table.Td>
      {onEnd !== undefined && (
        <Table.Td>
          <Group justify="end">
            {session.isThisOne ? (
              <Badge>{sessions.thisOne}</Badge>
            ) : (
              <Button size="compact-xs" variant="default" onClick={() => onEnd(session)} aria-label={`${sessions.end}: ${session.source}`}>
                {sessions.end}
              </Button>
            )}
          </Group>
        </Table.Td>
      )}
    </Table.Tr>
  );
}
