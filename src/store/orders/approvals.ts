import { sql } from 'kysely';
import type { Approval, ApprovalStore, NotedApproval } from '../../enrolment/four-eyes.js';
import { type Boot, writeAudit } from '../audit.js';
import { type Connection, rowsOf, transact } from '../connection/connection.js';
import type { Trx } from '../tenancy/config-change.js';
import { storableText } from '../text.js';
import { lockOrder } from './change.js';

export function approvalStore(connection: Connection, boot: Boot): ApprovalStore {
  return {
    note: (context, orderId, reason, rule) =>
      transact<NotedApproval>(connection, async (trx) => {
        const { tenantId, actor } = context;
        // Two who approve at once come one after the other, so that the second sees the first.
        const order = await lockOrder(trx, tenantId, orderId);
        if (order?.state !== 'AWAITING_APPROVAL') return 'absent';
        if (rule.notEditors && (await isEditor(trx, order.profile_id, actor))) return 'editor';
        const added =
          await sql`insert into order_approvals (order_id, actor, tenant_id, reason) values (${orderId}, ${actor}, ${tenantId}, ${storableText(reason)})
          on conflict do nothing returning 1`.execute(trx);
        const { rows } = await sql<{ count: number }>`select count(*) as count from order_approvals where order_id = ${orderId}`.execute(trx);
        const approved = rows[0]?.count ?? 0;
        if (added.rows.length > 0) {
          const details = { approvals: approved, needed: rule.approvers, reason };
          await writeAudit(trx, boot, [{ tenantId, actor, action: 'order.approval-noted', object: `order:${orderId}`, outcome: 'success', details }]);
        }
        // Counted anew also for who was noted before: the process may have died between the last approval and what follows from it.
        if (approved >= rule.approvers) return 'enough';
        return added.rows.length > 0 ? 'noted' : 'again';
      }),
    list: ({ tenantId }, orderId) =>
      rowsOf(
        connection,
        sql<Approval>`select actor, reason, at from order_approvals where order_id = ${orderId} and tenant_id = ${tenantId} order by at, actor`,
      ),
  };
}

/** Who had a hand in the profile, also by a token he made, or by one that such a token made. */
async function isEditor(trx: Trx, profileId: string, actor: string): Promise<boolean> {
  const { rows } = await sql`with recursive editors (actor) as (
      select actor from profile_editors where profile_id = ${profileId}
      union
      select t.created_by from editors e join api_tokens t on e.actor = 'token:' || t.id where t.created_by is not null)
    select 1 from editors where actor = ${actor} limit 1`.execute(trx);
  return rows.length > 0;
}

/** Remembered for good: a later edit by someone else does not wash the first one's hands. */
export async function noteEditor(trx: Trx, tenantId: string, profileId: string, actor: string): Promise<void> {
  await sql`insert into profile_editors (profile_id, actor, tenant_id) values (${profileId}, ${actor}, ${tenantId})
    on conflict (profile_id, actor) do update set at = now()`.execute(trx);
}
