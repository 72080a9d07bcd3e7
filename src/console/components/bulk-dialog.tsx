import { Alert, Button, Group, List, Modal, Progress, Stack, Text, Textarea } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../api/call.js';
import type { BulkAnswer } from '../api/types.js';
import { words } from '../strings/index.js';
import { type BulkAction, bulkAtOnce } from './bulk.js';
import { Foreign } from './foreign.js';
import { ProblemAlert } from './problem-alert.js';

interface Named {
  readonly id: string;
  readonly name: string;
}

interface BulkDialogProps {
  readonly action: Omit<BulkAction<never>, 'fits'>;
  readonly items: readonly Named[];
  readonly onClose: () => void;
  /** After the last of them, whatever became of each. */
  readonly onDone: () => void;
}

type Outcome = BulkAnswer['items'][number];

interface Work {
  readonly state: 'asking' | 'working' | 'over';
  readonly outcomes: readonly Outcome[];
  readonly error: Error | undefined;
}

const { common, lists, orders } = words;
const shownMost = 6;

/** Asks once, does it for one after the other, and says what became of each. */
export function BulkDialog({ action, items, onClose, onDone }: BulkDialogProps) {
  const [reason, setReason] = useState('');
  const { state, outcomes, error, start } = useWork(action, items, reason.trim(), onDone);
  const isOver = state === 'over';
  const close = (): void => {
    if (state !== 'working') onClose();
  };
  return (
    <Modal opened onClose={close} title={action.title} centered withCloseButton={state !== 'working'} closeButtonProps={{ 'aria-label': common.close }}>
      <Stack gap="sm">
        {state === 'asking' && <Question action={action} items={items} reason={reason} onReason={setReason} />}
        {state !== 'asking' && (
          <>
            <Progress value={(100 * outcomes.length) / items.length} aria-label={action.label} />
            <Text size="sm" role="status">
              {lists.progress(outcomes.length, items.length)}
            </Text>
          </>
        )}
        {error !== undefined && <ProblemAlert error={error} />}
        {isOver && <Results items={items} outcomes={outcomes} />}
        <Group justify="end" gap="xs">
          <Button variant="default" disabled={state === 'working'} onClick={onClose}>
            {isOver ? common.close : common.cancel}
          </Button>
          {!isOver && (
            <Button
              color={action.isGrave === true ? 'red' : 'gate'}
              loading={state === 'working'}
              disabled={action.reason === 'required' && reason.trim() === ''}
              onClick={start}
            >
              {`${action.label} (${items.length})`}
            </Button>
          )}
        </Group>
      </Stack>
    </Modal>
  );
}

/** Goes on in small lots; a lot that gets no answer ends it, and what was done stays told. */
function useWork(action: BulkDialogProps['action'], items: readonly Named[], reason: string, onDone: () => void) {
  const queries = useQueryClient();
  const [work, setWork] = useState<Work>({ state: 'asking', outcomes: [], error: undefined });
  const start = async (): Promise<void> => {
    let outcomes: readonly Outcome[] = [];
    let error: Error | undefined;
    setWork({ state: 'working', outcomes, error });
    try {
      for (let from = 0; from < items.length; from += bulkAtOnce) {
        const ids = items.slice(from, from + bulkAtOnce).map(({ id }) => id);
        const body = { ...action.body, ids, ...(action.reason === undefined ? {} : { reason }) };
        outcomes = [...outcomes, ...(await call<BulkAnswer>(action.path, { method: 'POST', body })).items];
        setWork({ state: 'working', outcomes, error });
      }
    } catch (caught) {
      error = caught instanceof Error ? caught : new Error(String(caught));
    }
    setWork({ state: 'over', outcomes, error });
    onDone();
    await queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'session' });
  };
  return { ...work, start };
}

interface QuestionProps extends Pick<BulkDialogProps, 'action' | 'items'> {
  readonly reason: string;
  readonly onReason: (reason: string) => void;
}

function Question({ action, items, reason, onReason }: QuestionProps) {
  return (
    <>
      <Text size="sm">{action.text}</Text>
      <Text size="sm">{lists.concerned(items.length)}</Text>
      <List size="sm">
        {items.slice(0, shownMost).map(({ id, name }) => (
          <List.Item key={id}>
            <Foreign text={name} wrap />
          </List.Item>
        ))}
        {items.length > shownMost && <List.Item>{lists.andMore(items.length - shownMost)}</List.Item>}
      </List>
      {action.reason !== undefined && (
        <Textarea
          label={orders.reason}
          description={orders.reasonHint}
          withAsterisk={action.reason === 'required'}
          maxLength={1000}
          autosize
          minRows={2}
          data-autofocus
          value={reason}
          onChange={(event) => onReason(event.currentTarget.value)}
        />
      )}
    </>
  );
}

/** Of those that it was not done for, each with its reason. */
function Results({ items, outcomes }: { readonly items: readonly Named[]; readonly outcomes: readonly Outcome[] }) {
  const names = new Map(items.map(({ id, name }) => [id, name]));
  const failed = outcomes.filter(({ ok }) => !ok);
  const untried = items.length - outcomes.length;
  return (
    <Alert color={failed.length + untried === 0 ? 'green' : 'orange'} title={lists.result(outcomes.length - failed.length, failed.length)} role="alert">
      {untried > 0 && <Text size="sm">{lists.untried(untried)}</Text>}
      <List size="sm">
        {failed.map(({ id, problem }) => (
          <List.Item key={id}>
            <Foreign text={names.get(id) ?? id} wrap />: <Foreign text={problem?.detail ?? problem?.title ?? ''} wrap />
          </List.Item>
        ))}
      </List>
    </Alert>
  );
}
