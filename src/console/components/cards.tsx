import { Group, Paper, SegmentedControl, SimpleGrid, Skeleton, Text } from '@mantine/core';
import { words } from '../strings/index.js';
import { showTime } from './format.js';
import { Hint } from './hint.js';

export interface Card {
  readonly label: string;
  readonly value: string | undefined;
  /** How the number comes about. */
  readonly meaning: string;
  /** Against the window before; good or bad news where it is either. */
  readonly trend?: { readonly direction: 'up' | 'down' | 'same'; readonly text: string; readonly isBetter: boolean | undefined } | undefined;
}

/** The figures at the top of a page; `undefined` values are on their way. */
export function Cards({ cards }: { readonly cards: readonly Card[] }) {
  return (
    <SimpleGrid cols={{ base: 2, sm: 3, lg: cards.length }} spacing="sm" component="section" aria-label={words.cards.label}>
      {cards.map(({ label, value, meaning, trend }) => (
        <Paper key={label} className="panel" p="sm" pos="relative" data-card={label}>
          <Group justify="space-between" wrap="nowrap" gap={4}>
            <Text size="xs" c="dimmed" fw={600} lh={1.3}>
              {label}
            </Text>
            <Hint label={label} text={meaning} />
          </Group>
          {value === undefined ? (
            <Skeleton h={26} w={70} mt={6} />
          ) : (
            <Text fz={23} fw={650} lh={1.3} mt={2}>
              {value}
            </Text>
          )}
          {trend !== undefined && <Trend {...trend} />}
        </Paper>
      ))}
    </SimpleGrid>
  );
}

const arrows = { up: '▲', down: '▼', same: '=' } as const;

function Trend({ direction, text, isBetter }: NonNullable<Card['trend']>) {
  const color = isBetter === undefined ? 'dimmed' : isBetter ? 'var(--console-good)' : 'var(--console-bad)';
  return (
    <Text size="xs" c="dimmed" data-trend={direction}>
      <Text span size="xs" c={color} role="img" aria-label={words.cards.directions[direction]}>
        {arrows[direction]}
      </Text>{' '}
      {text}
    </Text>
  );
}

export const windowChoices = ['24h', '7d', '30d'] as const;
export type WindowChoice = (typeof windowChoices)[number];

export function asWindow(text: string | undefined): WindowChoice {
  return windowChoices.find((choice) => choice === text) ?? '30d';
}

interface WindowPickerProps {
  readonly value: WindowChoice;
  readonly onChange: (value: WindowChoice) => void;
  /** When the figures were read, in ms since 1970; 0: not yet. */
  readonly readAt: number;
}

/** Over which time the cards count, and when they did. */
export function WindowPicker({ value, onChange, readAt }: WindowPickerProps) {
  return (
    <Group gap="xs" wrap="nowrap">
      {readAt > 0 && (
        <Text size="xs" c="dimmed" visibleFrom="sm">
          {words.common.asOf} {showTime(new Date(readAt).toISOString())}
        </Text>
      )}
      <SegmentedControl
        size="xs"
        aria-label={words.common.window}
        value={value}
        onChange={(chosen) => onChange(asWindow(chosen))}
        data={windowChoices.map((choice) => ({ value: choice, label: words.common.windows[choice] }))}
      />
    </Group>
  );
}
