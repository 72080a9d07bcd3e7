import { Button, Textarea } from '@mantine/core';
import { useState } from 'react';
import { call } from '../../api/call.js';
import { useChange } from '../../api/hooks.js';
import type { Order, Permission } from '../../api/types.js';
import { announce } from '../../app/announce.js';
import { useMay } from '../../app/session.js';
import { Confirm } from '../../components/confirm.js';
import { words } from '../../strings/index.js';

const { orders } = words;

/** What an operator can decide about an order, and in which states. */
const decisions = {
  approve: {
    label: orders.approve,
    title: orders.approveTitle,
    text: orders.approveText,
    color: 'gate',
    needs: 'order:approve',
    reason: 'optional',
    states: ['AWAITING_APPROVAL'],
  },
  deny: {
    label: orders.deny,
    title: orders.denyTitle,
    text: orders.denyText,
    color: 'red',
    needs: 'order:approve',
    reason: 'required',
    states: ['AWAITING_APPROVAL'],
  },
  retry: {
    label: orders.retry,
    title: orders.retryTitle,
    text: orders.retryText,
    color: 'gate',
    needs: 'order:approve',
    reason: 'required',
    states: ['STUCK'],
  },
  resolve: {
    label: orders.resolve,
    title: orders.resolveTitle,
    text: orders.resolveText,
    color: 'gate',
    needs: 'order:approve',
    reason: 'required',
    states: ['STUCK'],
  },
  fail: {
    label: orders.giveUp,
    title: orders.giveUpTitle,
    text: orders.giveUpText,
    color: 'red',
    needs: 'order:approve',
    reason: 'required',
    states: ['STUCK'],
  },
  acknowledge: {
    label: orders.acknowledge,
    title: orders.acknowledge,
    text: '',
    color: 'gate',
    needs: 'order:acknowledge',
    reason: 'none',
    states: ['FAILED', 'REJECTED', 'EXPIRED'],
  },
} as const satisfies Record<
  string,
  { label: string; title: string; text: string; color: string; needs: Permission; reason: 'none' | 'optional' | 'required'; states: readonly Order['state'][] }
>;

type Decision = keyof typeof decisions;

function isOpenFor(decision: Decision, { state, acknowledgedAt }: Order): boolean {
  const { states }: { readonly states: readonly Order['state'][] } = decisions[decision];
  return states.includes(state) && (decision !== 'acknowledge' || acknowledgedAt === null);
}

/** The buttons that this order and this caller allow. */
export function Decisions({ order, size = 'sm' }: { readonly order: Order; readonly size?: 'xs' | 'sm' }) {
  const [asked, setAsked] = useState<Decision>();
  const may = useMay();
  const names = (Object.keys(decisions) as Decision[]).filter((name) => isOpenFor(name, order) && may(decisions[name].needs));
  return (
    <>
      {names.map((name) => (
        <Button key={name} size={size} variant={decisions[name].color === 'gate' ? 'filled' : 'default'} onClick={() => setAsked(name)}>
          {decisions[name].label}
        </Button>
      ))}
      {asked !== undefined && <Question decision={asked} order={order} onClose={() => setAsked(undefined)} />}
    </>
  );
}

interface QuestionProps {
  readonly decision: Decision;
  readonly order: Order;
  readonly onClose: () => void;
}

function Question({ decision, order, onClose }: QuestionProps) {
  const [reason, setReason] = useState('');
  const [certificate, setCertificate] = useState('');
  const { title, text, label, color, reason: need } = decisions[decision];
  const body = { ...(need === 'none' ? {} : { reason }), ...(decision === 'resolve' ? { certificate } : {}) };
  const change = useChange(
    () => call<Order>(`/orders/${order.id}/${decision}`, { method: 'POST', body }),
    () => announce(orders.done[decision]),
  );
  const isComplete = (need !== 'required' || reason.trim() !== '') && (decision !== 'resolve' || certificate.trim() !== '');
  return (
    <Confirm
      opened
      title={title}
      text={text}
      action={label}
      color={color}
      isBusy={change.isPending}
      canAct={isComplete}
      error={change.error}
      onConfirm={() => change.mutate(undefined, { onSuccess: onClose })}
      onClose={onClose}
    >
      {decision === 'resolve' && (
        <Textarea
          label={orders.pem}
          withAsterisk
          autosize
          minRows={6}
          maxRows={14}
          placeholder="-----BEGIN CERTIFICATE-----"
          value={certificate}
          onChange={(event) => setCertificate(event.currentTarget.value)}
        />
      )}
      {need !== 'none' && (
        <Textarea
          label={orders.reason}
          description={orders.reasonHint}
          withAsterisk={need === 'required'}
          maxLength={1000}
          autosize
          minRows={2}
          data-autofocus
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
      )}
    </Confirm>
  );
}
