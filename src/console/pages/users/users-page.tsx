import { Button, Stack } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useCallback, useState } from 'react';
import { useKey } from '../../app/keyboard.js';
import { useMay } from '../../app/session.js';
import { useUrlState } from '../../app/url-state.js';
import { PageHead } from '../../components/page-head.js';
import { PageTabs } from '../../components/page-tabs.js';
import { tokens, users } from '../../strings/people.js';
import { TokensTab } from './tokens-tab.js';
import { UsersTab } from './users-tab.js';

/** Who may sign in, and the tokens of programs. */
export function UsersPage() {
  const [{ tab }] = useUrlState();
  const [isAdding, setAdding] = useState(false);
  const may = useMay();
  const isTokens = tab === 'tokens';
  const canAdd = may(isTokens ? 'token:write' : 'user:write');
  const add = useCallback(() => setAdding(true), []);
  const close = (): void => setAdding(false);
  useKey('n', canAdd ? add : undefined);
  const addButton = canAdd && (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={add}>
      {isTokens ? tokens.add : users.add}
    </Button>
  );
  const shared = { addButton, isAdding, onClose: close };
  return (
    <Stack gap="md">
      <PageHead title={users.title} text={users.text}>
        {addButton}
      </PageHead>
      <PageTabs
        label={users.title}
        tabs={[
          { value: 'users', label: users.tabs.users, render: () => <UsersTab {...shared} /> },
          { value: 'tokens', label: users.tabs.tokens, render: () => <TokensTab {...shared} /> },
        ]}
      />
    </Stack>
  );
}
