import type { Migration } from './migration.js';

/** What a CA outside shows of itself, as a node that may call it has last seen it: for nodes that hold no secrets of connectors. */
export const issuerViews: Migration = {
  name: '0044-issuer-views',
  statements: [
    `create table issuer_views (
      connector_id uuid not null constraint issuer_views_connector_id_fkey references connectors on delete cascade,
      overrides text not null,
      tenant_id uuid not null,
      chain text,
      crl bytea,
      claimed_at timestamptz not null default now(),
      constraint issuer_views_pkey primary key (connector_id, overrides))`,
  ],
};
