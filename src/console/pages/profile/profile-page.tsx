import { Stack, Text } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { call } from '../../api/call.js';
import { useChange } from '../../api/hooks.js';
import { oneQuery, sessionQuery } from '../../api/queries.js';
import type { KnownSession, SessionRow } from '../../api/types.js';
import { announce } from '../../app/announce.js';
import { useSession } from '../../app/session.js';
import { Facts } from '../../components/facts.js';
import { showTime } from '../../components/format.js';
import { PageHead } from '../../components/page-head.js';
import { Panel } from '../../components/panel.js';
import { ProblemAlert } from '../../components/problem-alert.js';
import { SessionList } from '../../components/session-list.js';
import { Whole } from '../../components/whole.js';
import { words } from '../../strings/index.js';
import { profile, sessions, users } from '../../strings/people.js';
import { PasswordChange } from './password-change.js';
import { TotpPanel } from './totp-panel.js';

const { common } = words;

/** One's own password, second factor and sessions. */
export function ProfilePage() {
  const session = useSession();
  return (
    <Stack gap="md" maw={860}>
      <PageHead title={profile.title} text={profile.text} />
      <Details session={session} />
      {session.user === null ? (
        <Text size="sm">{profile.tokenText}</Text>
      ) : (
        <Credentials hasPassword={session.user.hasPassword} hasTotp={session.user.hasTotp} />
      )}
      {session.user !== null && <OwnSessions />}
    </Stack>
  );
}

function Details({ session }: { readonly session: KnownSession }) {
  const { user, roles, tenant, tenants, expiresAt, kind, name } = session;
  return (
    <Panel title={profile.details}>
      <Facts
        facts={[
          { label: users.username, value: user?.username ?? name },
          user !== null && { label: users.displayName, value: user.displayName === '' ? common.none : user.displayName },
          user !== null && { label: users.email, value: user.email ?? common.none },
          { label: profile.roles, value: roles.map((role) => users.roles[role]).join(' · ') },
          { label: profile.tenant, value: tenants?.map((one) => one.name).join(', ') ?? tenant ?? users.all },
          kind === 'token' && { label: profile.signedInBy, value: profile.byToken },
          expiresAt !== null && { label: profile.sessionEnd, value: showTime(expiresAt) },
        ]}
      />
    </Panel>
  );
}

function Credentials({ hasPassword, hasTotp }: { readonly hasPassword: boolean; readonly hasTotp: boolean }) {
  const queries = useQueryClient();
  const readAgain = (text: string) => (): void => {
    announce(text);
    void queries.invalidateQueries({ queryKey: sessionQuery.queryKey });
    void queries.invalidateQueries({ queryKey: ['/session/all'] });
  };
  if (!hasPassword) return <Text size="sm">{profile.elsewhere}</Text>;
  return (
    <>
      <Panel title={profile.password}>
        <PasswordChange onDone={readAgain(profile.passwordChanged)} />
      </Panel>
      <TotpPanel hasTotp={hasTotp} onSet={readAgain(profile.totpInForce)} onRemoved={readAgain(profile.totpRemoved)} />
    </>
  );
}

function OwnSessions() {
  const result = useQuery(oneQuery<{ readonly items: readonly SessionRow[] }>('/session/all', {}, 30_000));
  const change = useChange(({ id }: SessionRow) => call<void>(`/session/all/${id}`, { method: 'DELETE' }));
  return (
    <Panel title={profile.sessions}>
      {change.isError && <ProblemAlert error={change.error} />}
      <Whole result={result}>
        {({ items }) => <SessionList items={items} onEnd={(session) => change.mutate(session, { onSuccess: () => announce(sessions.ended) })} />}
      </Whole>
    </Panel>
  );
}
