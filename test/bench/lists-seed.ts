/** Many orders at once, written as SQL: what lists are measured over. */
import pg from 'pg';

export interface SeedExtent {
  readonly orders: number;
  readonly certificates: number;
  readonly tenants: number;
}

/** An id made `age` ago (UUIDv7), told apart by `n`: the time, then what `md5` makes of the number. */
const idAt = (time: string, salt: string): string =>
  `(lpad(to_hex((extract(epoch from ${time}) * 1000)::bigint), 12, '0') || '7' || substr(md5('${salt}' || n), 1, 3) || '8' || substr(md5(n || '${salt}'), 1, 15))::uuid`;

const plainId = (salt: string, number: string): string => `md5('${salt}' || (${number}))::uuid`;

/** Every third order is of the first tenant; the rest is spread. Devices come back: ten orders each. */
function statements({ orders, certificates, tenants }: SeedExtent): readonly string[] {
  const tenant = `case when n % 3 = 0 then 0 else (n * 7 + n / 5) % ${tenants} end`;
  const profile = `(${tenant}) * 4 + (n / 3) % 4`;
  const state = `case when n % 1000 < 850 then (array['CONFIRMED', 'DELIVERED', 'CONFIRMED'])[1 + n % 3] when n % 1000 < 851 then 'ISSUED'
    when n % 1000 < 890 then 'FAILED' when n % 1000 < 960 then 'REJECTED' when n % 1000 < 980 then 'EXPIRED' when n % 1000 < 990 then 'REVOKED'
    when n % 5000 = 4990 then 'AWAITING_APPROVAL' when n % 5000 = 4991 then 'CA_PENDING' when n % 5000 = 4992 then 'STUCK' else 'REJECTED' end`;
  const at = `now() - (n::float8 / ${orders}) * interval '90 days'`;
  const subject = `'CN=device-' || (n::bigint * 7919 % 1000003) || '.site-' || (n % 97) || '.example,O=Tenant ' || (${tenant})`;
  return [
    `insert into tenants (id, name, slug, status) select ${plainId('tenant', 'n')}, 'Tenant ' || n, 'tenant-' || n, 'active' from generate_series(0, ${tenants - 1}) n`,
    `insert into connectors (id, tenant_id, type, name, description, status, config) select ${plainId('connector', 'n')}, ${plainId('tenant', 'n')}, 'crypto-engine',
      'Engine ' || n, '', 'active', '{"url":"embedded:"}' from generate_series(0, ${tenants - 1}) n`,
    `insert into profiles (id, tenant_id, connector_id, protocol, name, endpoint_path, legacy_paths, description, status, policy, overrides, challenge_mode)
      select ${plainId('profile', 'n')}, ${plainId('tenant', 'n / 4')}, ${plainId('connector', 'n / 4')}, case n % 2 when 0 then 'scep' else 'cmp' end, 'Profile ' || n,
      'profile-' || n, '[]', '', 'active', '{"version":1}', '{}', case n % 2 when 0 then 'one-time' end from generate_series(0, ${tenants * 4 - 1}) n`,
    `insert into accounts (id, tenant_id, profile_id, label, created_at)
      select ${plainId('account', 'n')}, ${plainId('tenant', tenant)}, ${plainId('profile', profile)}, 'CN=device-' || n, now() - n * interval '1 minute'
      from generate_series(0, ${Math.ceil(orders / 10) - 1}) n`,
    `insert into orders (id, tenant_id, profile_id, connector_id, protocol, account_id, transaction_id, dedupe_key, operation, state, subject, fail_info, fail_reason,
        attempts, client_ip, client_family, key_type, digest, cipher, credential, created_at, finished_at)
      select ${idAt(at, 'o')}, ${plainId('tenant', tenant)}, ${plainId('profile', profile)}, ${plainId('connector', tenant)}, case (${profile}) % 2 when 0 then 'scep' else 'cmp' end,
      ${plainId('account', 'n / 10')}, md5('t' || n), decode(md5('d' || n), 'hex'), case when n % 20 = 0 then 'renewal' when n % 500 = 1 then 'revocation' else 'enrolment' end, s.state,
      ${subject}, case when s.state in ('FAILED', 'REJECTED') then 'order-failed' end, case when s.state in ('FAILED', 'REJECTED') then 'The CA said no' end,
      1 + (n % 101 = 0)::int * (n % 7), '192.0.2.' || n % 250, 'openssl-cmp', 'P-256', 'sha256', '', 'secret:ref', ${at},
      case when s.state in ('AWAITING_APPROVAL', 'CA_PENDING', 'STUCK') then null else ${at} + (n % 3000) * interval '1 millisecond' end
      from generate_series(${orders}, 1, -1) n, lateral (select ${state} as state) s`,
    `insert into certificates (id, tenant_id, profile_id, order_id, connector_id, der, sha256, issuer_hash, issuer, serial, subject, sans, key_hash, not_before, not_after, status)
      select ${idAt(`now() - (n::float8 / ${certificates}) * interval '90 days'`, 'c')}, ${plainId('tenant', tenant)}, ${plainId('profile', profile)}, null, ${plainId('connector', tenant)},
      decode(repeat(md5('x' || n), 20), 'hex'), decode(md5('f' || n) || md5('g' || n), 'hex'), decode(md5('issuer'), 'hex'), 'CN=Issuing CA', md5('s' || n), ${subject}, '[]',
      decode(md5('k' || n), 'hex'), now() - (n % 300) * interval '1 day', now() + (n % 400 - 35) * interval '1 day', case when n % 50 = 0 then 'revoked' else 'valid' end
      from generate_series(${certificates}, 1, -1) n`,
    `insert into refusals (id, reason, tenant_id, profile_id, source, client_family, detail, count, first_seen, last_seen)
      select ${plainId('refusal', 'n')}, 'bad-mac', ${plainId('tenant', tenant)}, ${plainId('profile', profile)}, '198.51.' || n / 250 || '.' || n % 250, 'unknown', 'no', n % 90,
      now() - n * interval '1 minute', now() - n * interval '30 seconds' from generate_series(1, ${Math.ceil(orders / 100)}) n`,
  ];
}

/** Fills a migrated, otherwise empty database, and lets the server take stock of it. */
export async function seedLists(url: string, extent: SeedExtent): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements(extent)) await client.query(statement);
    await client.query('vacuum analyze');
  } finally {
    await client.end();
  }
}
