import { AppShell, Burger, Group, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Outlet, useNavigate } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useState } from 'react';
import { sessionQuery } from '../api/queries.js';
import type { KnownSession, Session } from '../api/types.js';
import { words } from '../strings/index.js';
import { Account } from './account-button.js';
import { SessionProvider } from './session.js';
import { SessionEnd } from './session-end.js';
import { Sidebar } from './sidebar.js';
import { TenantSwitcher } from './tenant-switcher.js';

const Restricted = lazy(async () => ({ default: (await import('../pages/login/restricted.js')).Restricted }));

/** Header, sidebar, and the page in the middle. */
export function Shell() {
  const { data: session } = useSuspenseQuery(sessionQuery);
  const [isOpen, { toggle, close }] = useDisclosure(false);
  const navigate = useNavigate();
  const [restriction, finish] = useRestriction(session);
  useEffect(() => {
    if (!session.authenticated) void navigate({ to: '/login' });
  }, [session, navigate]);
  if (!session.authenticated) return null;
  if (restriction !== null) {
    return (
      <Suspense>
        <Restricted key={restriction} restriction={restriction} onDone={finish} />
      </Suspense>
    );
  }
  return (
    <SessionProvider session={session}>
      <SessionEnd />
      <a href="#content" className="skip-link">
        {words.shell.skip}
      </a>
      <AppShell header={{ height: 52 }} navbar={{ width: 216, breakpoint: 'md', collapsed: { mobile: !isOpen } }} padding={{ base: 'md', lg: 'lg' }}>
        <AppShell.Header px="md">
          <Group h="100%" justify="space-between" wrap="nowrap" gap="sm">
            <Group gap="sm" wrap="nowrap">
              <Burger opened={isOpen} onClick={toggle} hiddenFrom="md" size="sm" aria-label={words.shell.openNavigation} />
              <img src="/favicon.svg" width={24} height={24} alt="" />
              <Text fw={700} size="md">
                {words.shell.product}
              </Text>
            </Group>
            <Group gap="sm" wrap="nowrap">
              <TenantSwitcher />
              <Account />
            </Group>
          </Group>
        </AppShell.Header>
        <AppShell.Navbar p="xs" style={{ overflowY: 'auto' }} aria-label={words.shell.navigation} data-folded={!isOpen}>
          <Sidebar onOpen={close} />
        </AppShell.Navbar>
        <AppShell.Main id="content" tabIndex={-1}>
          <Outlet />
        </AppShell.Main>
      </AppShell>
    </SessionProvider>
  );
}

/**
 * What must be done first, until the user says that it is done: backup codes, which are shown once, stay in sight although the server asks
 * for nothing more.
 */
function useRestriction(session: Session): readonly [KnownSession['restriction'], () => Promise<void>] {
  const queries = useQueryClient();
  const asked = session.authenticated ? session.restriction : null;
  const [restriction, setRestriction] = useState(asked);
  if (asked !== null && restriction === null) setRestriction(asked);
  const finish = async (): Promise<void> => {
    await queries.refetchQueries({ queryKey: sessionQuery.queryKey });
    const now = queries.getQueryData<Session>(sessionQuery.queryKey);
    setRestriction(now?.authenticated === true ? now.restriction : null);
  };
  return [restriction, finish];
}
