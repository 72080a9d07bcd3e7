/** The server's tables, read by SQL after the campaign: by our own connection, or from PGlite's directory once the server has let go of it. */

import { createHash } from 'node:crypto';
import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import { commonNameOf, parseCertificate } from '../../src/pkix/index.js';
import type { ServerFacts, StoredCertificate } from './checker.js';

type Query = (sql: string) => Promise<readonly Record<string, unknown>[]>;

/** `databaseUrl` for PostgreSQL, else the data directory of a stopped server. */
export async function readFacts(database: { readonly url: string } | { readonly directory: string }): Promise<ServerFacts> {
  if ('url' in database) {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    try {
      return await collect(async (sql) => (await client.query(sql)).rows);
    } finally {
      await client.end();
    }
  }
  const pglite = await PGlite.create({ dataDir: database.directory });
  try {
    return await collect(async (sql) => (await pglite.query<Record<string, unknown>>(sql)).rows);
  } finally {
    await pglite.close();
  }
}

export async function collect(query: Query): Promise<ServerFacts> {
  const orders = await query('select transaction_id, state from orders');
  const certificates = await query('select der from certificates where order_id is not null');
  const issued = await query(
    'select coalesce(engine.certificate, stored.der) as der from engine_certificates engine left join certificates stored on stored.id = engine.certificate_id',
  );
  return {
    orders: orders.map((row) => ({ transactionId: String(row.transaction_id), state: String(row.state) })),
    certificates: certificates.map(storedCertificate),
    issuedByCa: issued.map(storedCertificate).filter((item) => item.commonName.startsWith('chaos-')),
  };
}

function storedCertificate(row: Readonly<Record<string, unknown>>): StoredCertificate {
  const der = Buffer.from(row.der as Uint8Array);
  const parsed = parseCertificate(der);
  if (!parsed.ok) throw parsed.error;
  return { sha256: createHash('sha256').update(der).digest('hex'), commonName: commonNameOf(parsed.value.subject) ?? '' };
}
