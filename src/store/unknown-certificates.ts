import { sql } from 'kysely';
import type { UnknownCertificate, UnknownCertificateDesk, UnknownCertificateStore, UnknownState } from '../enrolment/unknown-certificates.js';
import { uuidv7 } from '../runtime/ids.js';
import type { TenantContext } from '../tenancy/context.js';
import { type AuditEntry, type Boot, writeAudit } from './audit.js';
import { type Connection, firstOf, rowsOf, transact } from './connection/connection.js';
import { allOf, readPage, searched } from './page.js';
import { equalsId, visibleTo } from './scope.js';
import { isUuid, storableText } from './text.js';

interface Row {
  readonly id: string;
  readonly tenant_id: string;
  readonly connector_id: string;
  readonly certificate: Buffer;
  readonly issuer: string;
  readonly serial: string;
  readonly subject: string;
  readonly not_before: Date;
  readonly not_after: Date;
  readonly is_ours: boolean;
  readonly state: UnknownState;
  readonly reason: string;
  readonly found_at: Date;
  readonly decided_at: Date | null;
  readonly last_error: string | null;
}

export function unknownCertificateStore(connection: Connection, boot: Boot): UnknownCertificateStore & UnknownCertificateDesk {
  return { ...comparisons(connection), ...findings(connection, boot), ...desk(connection, boot) };
}

function comparisons(connection: Connection): Pick<UnknownCertificateStore, 'claimDue' | 'compared'> {
  return {
    async claimDue(_context, limit, leaseMs) {
      await rowsOf(connection, addMissing);
      return rowsOf(
        connection,
        sql<{ connectorId: string; tenantId: string; comparedUntil: Date; now: Date; fence: number }>`update ca_comparisons w
          set next_at = now() + ${leaseMs} * interval '1 millisecond', fence = w.fence + 1
          from (select m.connector_id from ca_comparisons m join connectors c on c.id = m.connector_id
            where c.status = 'active' and m.next_at <= now() order by m.next_at limit ${limit} for update of m skip locked) due
          where w.connector_id = due.connector_id
          returning w.connector_id as "connectorId", w.tenant_id as "tenantId", w.compared_until as "comparedUntil", clock_timestamp() as now, w.fence`,
      );
    },
    async compared({ connectorId, fence }, until, nextInMs, error) {
      await rowsOf(
        connection,
        sql`update ca_comparisons set compared_until = greatest(compared_until, ${until}::timestamptz), last_error = ${error === null ? null : storableText(error)},
            next_at = now() + ${nextInMs} * interval '1 millisecond'
          where connector_id = ${connectorId} and fence = ${fence}`,
      );
    },
  };
}

const addMissing = sql`insert into ca_comparisons (connector_id, tenant_id, compared_until, next_at)
  select id, tenant_id, now(), now() from connectors c
  where status = 'active' and type <> 'smtp' and not exists (select 1 from ca_comparisons m where m.connector_id = c.id)
  on conflict do nothing`;

type Findings = Pick<UnknownCertificateStore, 'unknown' | 'add' | 'claimRevocations' | 'revoked'>;

function findings(connection: Connection, boot: Boot): Findings {
  return {
    async unknown(_context, connectorId, listed) {
      if (listed.length === 0) return new Set();
      const input = JSON.stringify(
        listed.map(({ record: { id, sha256 }, publicKey }) => ({ id, sha256: sha256.toString('hex'), key: publicKey.toString('base64') })),
      );
      const rows = await rowsOf(
        connection,
        sql<{ id: string }>`select input.id from json_to_recordset(${input}::json) as input (id text, sha256 text, key text)
          where not exists (select 1 from certificates c where c.sha256 = decode(input.sha256, 'hex'))
            and not exists (select 1 from orphan_certificates x where x.sha256 = decode(input.sha256, 'hex'))
            and not exists (select 1 from unknown_certificates u where u.sha256 = decode(input.sha256, 'hex'))
            and not exists (select 1 from order_work w join orders o on o.id = w.order_id
              where o.connector_id = ${connectorId} and w.request->>'publicKey' = input.key)
            and not exists (select 1 from ra_keys k where k.spki = decode(input.key, 'base64'))`,
      );
      return new Set(rows.map(({ id }) => id));
    },
    add: (context, connectorId, found) =>
      transact(connection, async (trx) => {
        const events: AuditEntry[] = [];
        for (const { record, isOurs, state } of found) {
          const { rows } = await sql<{ id: string }>`insert into unknown_certificates
              (id, tenant_id, connector_id, certificate, sha256, issuer, serial, subject, not_before, not_after, is_ours, state, next_attempt_at)
            values (${uuidv7()}, ${context.tenantId}, ${connectorId}, ${record.der}, ${record.sha256}, ${storableText(record.issuer)}, ${record.serial},
              ${storableText(record.subject)}, ${record.notBefore}, ${record.notAfter}, ${isOurs}, ${state}, now())
            on conflict do nothing returning id`.execute(trx);
          const [row] = rows;
          if (row === undefined) continue;
          events.push(eventOf(context, 'found', row.id, { connectorId, serial: record.serial, state, subject: storableText(record.subject) }));
        }
        await writeAudit(trx, boot, events);
        return events.length;
      }),
    async claimRevocations(_context, limit, leaseMs) {
      return rowsOf(
        connection,
        sql<{ id: string; tenantId: string; connectorId: string; certificate: Buffer }>`update unknown_certificates
          set next_attempt_at = now() + ${leaseMs} * interval '1 millisecond', attempts = attempts + 1
          where id in (select id from unknown_certificates where state = 'REVOKE_WANTED' and next_attempt_at <= now()
            order by next_attempt_at limit ${limit} for update skip locked)
          returning id, tenant_id as "tenantId", connector_id as "connectorId", certificate`,
      );
    },
    revoked: (context, { id }, error) =>
      transact(connection, async (trx) => {
        if (error !== null) {
          await sql`update unknown_certificates set last_error = ${storableText(error)},
              next_attempt_at = now() + least(3600, power(2, least(attempts, 12))) * interval '1 second'
            where id = ${id} and state = 'REVOKE_WANTED'`.execute(trx);
          return;
        }
        const { rows } = await sql`update unknown_certificates set state = 'REVOKED', last_error = null, decided_at = coalesce(decided_at, now())
          where id = ${id} and state = 'REVOKE_WANTED' returning 1`.execute(trx);
        if (rows.length === 1) await writeAudit(trx, boot, [eventOf(context, 'revoked', id, {})]);
      }),
  };
}

function desk(connection: Connection, boot: Boot): UnknownCertificateDesk {
  return {
    list: (context, query) => {
      const listing = {
        select: sql`u.*`,
        from: sql`unknown_certificates u`,
        where: [
          ...visibleTo(context, sql`u.tenant_id`),
          ...equalsId(sql`u.connector_id`, query.connectorId),
          ...(query.state === undefined ? [] : [sql`u.state = ${query.state}`]),
          ...searched(query.q, sql`u.subject`, sql`u.serial`),
        ],
        sorts: { foundAt: { by: sql`u.found_at`, type: 'timestamptz' } },
        defaultSort: '-foundAt',
        id: sql`u.id`,
      } as const;
      return readPage<Row, UnknownCertificate>(connection, listing, query, toUnknown);
    },
    async find(context, id) {
      if (!isUuid(id)) return undefined;
      const row = await firstOf(
        connection,
        sql<Row>`select u.* from unknown_certificates u where ${allOf([...visibleTo(context, sql`u.tenant_id`), sql`u.id = ${id}`])}`,
      );
      return row && toUnknown(row);
    },
    decide: (context, id, to, reason) =>
      transact(connection, async (trx) => {
        const from = to === 'KEPT' ? sql`('FOUND')` : sql`('FOUND', 'KEPT')`;
        const { rows } = await sql`update unknown_certificates set state = ${to}, reason = ${storableText(reason)}, decided_at = now(), next_attempt_at = now(),
            attempts = 0, last_error = null
          where id = ${id} and tenant_id = ${context.tenantId} and state in ${from} returning 1`.execute(trx);
        if (rows.length === 1) await writeAudit(trx, boot, [eventOf(context, to === 'KEPT' ? 'kept' : 'revoke-wanted', id, { reason: storableText(reason) })]);
        return rows.length === 1;
      }),
  };
}

function eventOf({ tenantId, actor }: TenantContext, what: string, id: string, details: Readonly<Record<string, unknown>>): AuditEntry {
  return { tenantId, actor, action: `unknown-certificate.${what}`, object: `unknown-certificate:${id}`, outcome: 'success', details };
}

function toUnknown(row: Row): UnknownCertificate {
  const { id, certificate, issuer, serial, subject, state, reason } = row;
  const { tenant_id: tenantId, connector_id: connectorId, not_before: notBefore, not_after: notAfter, is_ours: isOurs } = row;
  const { found_at: foundAt, decided_at: decidedAt, last_error: lastError } = row;
  return { id, tenantId, connectorId, certificate, issuer, serial, subject, notBefore, notAfter, isOurs, state, reason, foundAt, decidedAt, lastError };
}
