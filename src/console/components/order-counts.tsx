import { Group, Text } from '@mantine/core';
import { words } from '../strings/index.js';
import { showNumber } from './format.js';

/** Success, failed and total at a glance; colour says it, and so do the words one hears. */
interface OrderCountsProps {
  readonly orders: { readonly success: number; readonly failed: number; readonly total: number };
  readonly align?: 'start' | 'end';
}

export function OrderCounts({ orders, align = 'end' }: OrderCountsProps) {
  const label = `${orders.success} ${words.profiles.success}, ${orders.failed} ${words.profiles.failed}, ${orders.total} ${words.profiles.total}`;
  return (
    <Group gap={4} wrap="nowrap" title={label} justify={align}>
      <Text size="sm" span c="var(--console-good)">
        {showNumber(orders.success)}
      </Text>
      <Text size="sm" span c="dimmed" aria-hidden>
        /
      </Text>
      <Text size="sm" span c={orders.failed > 0 ? 'var(--console-bad)' : 'dimmed'}>
        {showNumber(orders.failed)}
      </Text>
      <Text size="sm" span c="dimmed" aria-hidden>
        /
      </Text>
      <Text size="sm" span>
        {showNumber(orders.total)}
      </Text>
    </Group>
  );
}
