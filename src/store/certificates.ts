import { type RawBuilder, sql } from 'kysely';
import type { CertificateListQuery, CertificateReader } from '../admin/ports.js';
import type { CertificateStore, IssuedCertificate } from '../enrolment/ports.js';
import type { Context } from '../tenancy/context.js';
import type { Page } from '../tenancy/ports.js';
import { type Connection, firstOf } from './connection/connection.js';
import { allOf, readPage, searched } from './page.js';
import { equals, equalsId, visibleTo } from './scope.js';
import { isUuid } from './text.js';
import { walkPage } from './walk.js';

interface CertificateRow {
  readonly id: string;
  readonly tenant_id: string;
  readonly profile_id: string | null;
  readonly order_id: string | null;
  readonly account_id?: string | null;
  readonly order_state?: string | null;
  readonly connector_id: string;
  readonly der: Buffer;
  readonly issuer: string;
  readonly serial: string;
  readonly subject: string;
  readonly sans: readonly string[];
  readonly not_before: Date;
  readonly not_after: Date;
  readonly sha256: Buffer;
  readonly status: IssuedCertificate['status'];
  readonly revocation_reason: number | null;
}

const columns = sql`c.id, c.tenant_id, c.profile_id, c.order_id, c.connector_id, c.der, c.issuer, c.serial, c.subject, c.sans, c.not_before, c.not_after,
  c.sha256, c.status, c.revocation_reason`;

const withOrders = sql`certificates c left join orders o on o.id = c.order_id`;

export function certificateStore(connection: Connection): CertificateStore & CertificateReader {
  const findBy = async (context: Context, condition: ReturnType<typeof sql>): Promise<IssuedCertificate | undefined> => {
    const where = allOf([...visibleTo(context, sql`c.tenant_id`), condition]);
    const row = await firstOf(connection, sql<CertificateRow>`select ${columns}, o.account_id, o.state as order_state from ${withOrders} where ${where}`);
    return row === undefined ? undefined : toCertificate(row);
  };
  return {
    findByFingerprint: (context, sha256) => findBy(context, sql`c.sha256 = ${sha256}`),
    findBySerial: (context, issuerHash, serial) => findBy(context, sql`c.issuer_hash = ${issuerHash} and c.serial = ${serial}`),
    find: async (context, id) => (isUuid(id) ? findBy(context, sql`c.id = ${id}`) : undefined),
    list: (context, query) => list(connection, context, query),
  };
}

const sorts = {
  createdAt: { by: sql`c.id`, type: 'uuid' },
  notBefore: { by: sql`c.not_before`, type: 'timestamptz' },
  notAfter: { by: sql`c.not_after`, type: 'timestamptz' },
  subject: { by: sql`c.subject`, type: 'text' },
} as const;

/** A search goes through the newest first, a piece at a time: no index finds part of a subject. */
function list(connection: Connection, context: Context, query: CertificateListQuery): Promise<Page<IssuedCertificate>> {
  const listing = { select: columns, from: sql`certificates c`, id: sql`c.id` } as const;
  const { sort = '-createdAt', cursor, limit } = query;
  const [driving, residual] = [visibleTo(context, sql`c.tenant_id`), conditionsOf(query)];
  if (query.q === undefined || query.q === '' || !/^-?createdAt$/.test(sort)) {
    const whole = { ...listing, where: [...driving, ...residual], sorts, defaultSort: '-createdAt' } as const;
    return readPage<CertificateRow, IssuedCertificate>(connection, whole, query, toCertificate);
  }
  const walk = { ...listing, driving, residual, isSearch: true, isDescending: sort.startsWith('-'), limit, ...(cursor !== undefined && { cursor }) };
  return walkPage<CertificateRow, IssuedCertificate>(connection, walk, toCertificate);
}

function conditionsOf(query: CertificateListQuery): readonly RawBuilder<unknown>[] {
  return [
    ...equalsId(sql`c.tenant_id`, query.tenantId),
    ...equalsId(sql`c.profile_id`, query.profileId),
    ...equals(sql`c.status`, query.status),
    ...equalsId(sql`c.connector_id`, query.connectorId),
    ...equalsId(sql`c.order_id`, query.orderId),
    ...equals(sql`c.serial`, query.serial),
    ...(query.sha256 === undefined ? [] : [sql`c.sha256 = ${Buffer.from(query.sha256, 'hex')}`]),
    ...(query.expiresAfter === undefined ? [] : [sql`c.not_after >= ${query.expiresAfter}`]),
    ...(query.expiresBefore === undefined ? [] : [sql`c.not_after < ${query.expiresBefore}`]),
    ...searched(query.q, sql`c.subject`, sql`c.serial`),
  ];
}

function toCertificate(row: CertificateRow): IssuedCertificate {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    profileId: row.profile_id,
    orderId: row.order_id,
    ...(typeof row.account_id === 'string' && { accountId: row.account_id }),
    connectorId: row.connector_id,
    der: row.der,
    issuer: row.issuer,
    serial: row.serial,
    subject: row.subject,
    sans: row.sans,
    notBefore: row.not_before,
    notAfter: row.not_after,
    sha256: row.sha256,
    status: row.status,
    revocationReason: row.revocation_reason,
    ...(row.order_state === 'REVOKE_WANTED' && { isRevocationWanted: true as const }),
  };
}
