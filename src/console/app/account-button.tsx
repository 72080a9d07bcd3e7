import { Button, type ButtonProps, Text } from '@mantine/core';
import { IconKey } from '@tabler/icons-react';
import { type ComponentProps, lazy, Suspense, useState } from 'react';
import { words } from '../strings/index.js';
import { useSession } from './session.js';

const load = () => import('./account-menu.js');
const Menu = lazy(async () => ({ default: (await load()).AccountMenu }));

interface AccountButtonProps extends ButtonProps, Omit<ComponentProps<'button'>, keyof ButtonProps> {
  readonly name: string;
}

/** Shows who is logged in. */
export function AccountButton({ name, ...rest }: AccountButtonProps) {
  return (
    <Button
      variant="subtle"
      color="gray"
      size="compact-md"
      leftSection={<IconKey size={16} aria-hidden />}
      aria-label={`${words.shell.account}: ${name}`}
      aria-haspopup="menu"
      {...rest}
    >
      <Text size="sm" maw={140} truncate>
        {name}
      </Text>
    </Button>
  );
}

/** The button that opens the menu of the account; the menu comes with the first click. */
export function Account() {
  const { name } = useSession();
  const [isWanted, setWanted] = useState(false);
  const button = <AccountButton name={name} onClick={() => setWanted(true)} onPointerEnter={() => void load()} onFocus={() => void load()} />;
  return isWanted ? (
    <Suspense fallback={button}>
      <Menu />
    </Suspense>
  ) : (
    button
  );
}
