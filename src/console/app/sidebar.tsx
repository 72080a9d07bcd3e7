import { NavLink, Stack, Text } from '@mantine/core';
import { Link, useLocation } from '@tanstack/react-router';
import { type MenuItem, menuItems } from './menu.js';
import { useMay } from './session.js';

function Entry({ item, onOpen }: { readonly item: MenuItem; readonly onOpen: () => void }) {
  const { pathname } = useLocation();
  const isHere = pathname === item.to || pathname.startsWith(`${item.to}/`);
  const Icon = item.icon;
  return (
    <NavLink
      component={Link}
      to={item.to}
      label={item.label}
      leftSection={<Icon size={17} stroke={1.7} aria-hidden />}
      active={isHere}
      aria-current={isHere ? 'page' : undefined}
      onClick={onOpen}
      variant="light"
      py={6}
      style={{ borderRadius: 6 }}
    />
  );
}

/** The pages this caller may open. */
export function Sidebar({ onOpen }: { readonly onOpen: () => void }) {
  const may = useMay();
  return (
    <Stack gap={2}>
      {menuItems.map((entry) => {
        if (!('group' in entry)) return may(entry.needs) ? <Entry key={entry.to} item={entry} onOpen={onOpen} /> : null;
        const items = entry.items.filter((item) => may(item.needs));
        if (items.length === 0) return null;
        return (
          <Stack key={entry.group} gap={2} my={6}>
            <Text size="xs" fw={600} c="dimmed" px="sm" pb={2}>
              {entry.group}
            </Text>
            {items.map((item) => (
              <Entry key={item.to} item={item} onOpen={onOpen} />
            ))}
          </Stack>
        );
      })}
    </Stack>
  );
}
