import { Alert, Anchor, Button, Group, List, Stack, Text } from '@mantine/core';
import { ApiProblem, type UsedBy } from '../api/call.js';
import { words } from '../strings/index.js';
import { Copy } from './copy.js';

const { common } = words;

interface ProblemAlertProps {
  readonly error: Error;
  /** Paths of faults that are shown beside their fields already. */
  readonly shownElsewhere?: (path: string) => boolean;
  /** Offered where somebody else was faster. */
  readonly onReload?: () => void;
  readonly onRetry?: () => void;
}

/** What went wrong, in words, and the id that finds it in the server's log. */
export function ProblemAlert({ error, shownElsewhere = () => false, onReload, onRetry }: ProblemAlertProps) {
  if (!(error instanceof ApiProblem)) return <Alert color="red" title={error.message} role="alert" />;
  const isStale = error.status === 412;
  const remaining = error.errors.filter(({ path }) => !shownElsewhere(path));
  const isAllBeside = error.errors.length > 0 && remaining.length === 0;
  const isSaidBelow = remaining.some(({ message }) => error.message.includes(message));
  const text = isStale ? common.staleText : error.status === 0 ? common.unreachable : isAllBeside ? common.marked : error.message;
  return (
    <Alert color={isStale ? 'orange' : 'red'} title={isStale ? common.staleTitle : error.title} role="alert">
      <Stack gap="xs">
        {!isSaidBelow && <Text size="sm">{text}</Text>}
        {error.status === 403 && <Text size="sm">{common.forbidden}</Text>}
        {remaining.length > 0 && (
          <List size="sm">
            {remaining.map(({ path, message }) => (
              <List.Item key={path + message}>{path === '' ? message : `${path}: ${message}`}</List.Item>
            ))}
          </List>
        )}
        {error.usedBy.length > 0 && <UsedByList usedBy={error.usedBy} />}
        {isStale && onReload !== undefined && (
          <Group>
            <Button size="compact-sm" color="orange" variant="light" onClick={onReload}>
              {common.staleReload}
            </Button>
          </Group>
        )}
        {onRetry !== undefined && (
          <Group>
            <Button size="compact-sm" color="red" variant="light" onClick={onRetry}>
              {common.retry}
            </Button>
          </Group>
        )}
        {error.requestId !== undefined && (
          <Group gap={4}>
            <Text size="xs" c="dimmed" ff="monospace">
              {common.requestId}: {error.requestId}
            </Text>
            <Copy text={error.requestId} what={common.requestId} />
          </Group>
        )}
      </Stack>
    </Alert>
  );
}

const places: Readonly<Record<string, string>> = { 'cmp-profile': '/cmp-server', 'scep-profile': '/scep-server', connector: '/connectors' };

function UsedByList({ usedBy }: { readonly usedBy: readonly UsedBy[] }) {
  return (
    <div>
      <Text size="sm">{common.usedBy}</Text>
      <List size="sm">
        {usedBy.map(({ type, id, name }) => (
          <List.Item key={id}>{places[type] === undefined ? <bdi>{name}</bdi> : <Anchor href={`${places[type]}/${id}`}>{name}</Anchor>}</List.Item>
        ))}
      </List>
    </div>
  );
}
