import { Menu, useMantineColorScheme } from '@mantine/core';
import { IconLogout, IconMoon, IconSun, IconSunMoon, IconUser } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { call } from '../api/call.js';
import { forgetToken } from '../api/token.js';
import { words } from '../strings/index.js';
import { AccountButton } from './account-button.js';
import { useSession } from './session.js';

const { shell } = words;

/** Who is logged in, light and dark, and the way out. It is loaded when it is asked for, and then open. */
export function AccountMenu() {
  const session = useSession();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const logOut = useLogOut();
  const mark = (scheme: string) => (colorScheme === scheme ? { 'aria-checked': true, fw: 600 } : { 'aria-checked': false });
  return (
    <Menu position="bottom-end" width={230} shadow="md" defaultOpened>
      <Menu.Target>
        <AccountButton name={session.name} />
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          {shell.role}: {session.role}
        </Menu.Label>
        <Menu.Item component={Link} to="/profile" leftSection={<IconUser size={16} aria-hidden />}>
          {shell.ownAccount}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Label>{shell.scheme}</Menu.Label>
        <Menu.Item role="menuitemradio" {...mark('light')} leftSection={<IconSun size={16} aria-hidden />} onClick={() => setColorScheme('light')}>
          {shell.schemes.light}
        </Menu.Item>
        <Menu.Item role="menuitemradio" {...mark('dark')} leftSection={<IconMoon size={16} aria-hidden />} onClick={() => setColorScheme('dark')}>
          {shell.schemes.dark}
        </Menu.Item>
        <Menu.Item role="menuitemradio" {...mark('auto')} leftSection={<IconSunMoon size={16} aria-hidden />} onClick={() => setColorScheme('auto')}>
          {shell.schemes.auto}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item component="a" href="/api/docs">
          {shell.api}
        </Menu.Item>
        <Menu.Item leftSection={<IconLogout size={16} aria-hidden />} onClick={logOut}>
          {shell.logOut}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

/** Ends the session at the server and at the identity provider; nothing that was read stays behind. */
function useLogOut(): () => Promise<void> {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const { kind } = useSession();
  return async () => {
    const ended = kind === 'user' ? await call<{ readonly endUrl: string | null }>('/session', { method: 'DELETE' }).catch(() => undefined) : undefined;
    forgetToken();
    queries.clear();
    if (ended?.endUrl) globalThis.location.assign(ended.endUrl);
    else void navigate({ to: '/login' });
  };
}
