import { Button, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/call.js';
import { useChange } from '../../api/hooks.js';
import { oneQuery } from '../../api/queries.js';
import type { SessionRow, User } from '../../api/types.js';
import { announce } from '../../app/announce.js';
import { Confirm } from '../../components/confirm.js';
import { Panel } from '../../components/panel.js';
import { ProblemAlert } from '../../components/problem-alert.js';
import { SessionList } from '../../components/session-list.js';
import { Whole } from '../../components/whole.js';
import { sessions, users } from '../../strings/people.js';

/** Where a user is signed in, and how to end that. */
export function UserSessions({ user }: { readonly user: User }) {
  const path = `/users/${user.id}/sessions`;
  const result = useQuery(oneQuery<{ readonly items: readonly SessionRow[] }>(path, {}, 15_000));
  const [isAsking, setAsking] = useState(false);
  const ending = useChange(({ id }: SessionRow) => call<void>(`${path}/${id}`, { method: 'DELETE' }));
  const endingAll = useChange(() => call<void>(path, { method: 'DELETE' }));
  const endAll = (): void =>
    endingAll.mutate(undefined, {
      onSuccess: () => {
        setAsking(false);
        announce(users.allEnded(user.username));
      },
    });
  const isAnywhere = (result.data?.items.length ?? 0) > 0;
  const button = (
    <Button size="xs" variant="default" onClick={() => setAsking(true)}>
      {users.endAll}
    </Button>
  );
  return (
    <Panel title={users.sessions} actions={isAnywhere && button}>
      {ending.isError && <ProblemAlert error={ending.error} />}
      <Whole result={result}>
        {({ items }) =>
          items.length === 0 ? (
            <Text size="sm">{users.noSessions}</Text>
          ) : (
            <SessionList items={items} onEnd={(session) => ending.mutate(session, { onSuccess: () => announce(sessions.ended) })} />
          )
        }
      </Whole>
      <Confirm
        opened={isAsking}
        title={users.endAllTitle}
        text={users.endAllText}
        action={users.endAll}
        isBusy={endingAll.isPending}
        error={endingAll.error}
        onConfirm={endAll}
        onClose={() => setAsking(false)}
      />
    </Panel>
  );
}
