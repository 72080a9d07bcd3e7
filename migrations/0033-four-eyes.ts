import type { Migration } from './migration.js';

/** Who approved an order that needs several approvals, and who had a hand in a profile: neither is to be the only one. */
export const fourEyes: Migration = {
  name: '0033-four-eyes',
  statements: [
    `create table order_approvals (
      order_id uuid not null,
      actor text not null,
      tenant_id uuid not null,
      reason text not null,
      at timestamptz not null default now(),
      constraint order_approvals_pkey primary key (order_id, actor))`,
    `create table profile_editors (
      profile_id uuid not null constraint profile_editors_profile_id_fkey references profiles (id) on delete cascade,
      actor text not null,
      tenant_id uuid not null,
      at timestamptz not null default now(),
      constraint profile_editors_pkey primary key (profile_id, actor))`,
    `insert into profile_editors (profile_id, actor, tenant_id, at)
      select p.id, e.actor, p.tenant_id, max(e.at) from audit_events e join profiles p on e.object = 'profile:' || p.id
      where e.action in ('profile.created', 'profile.updated') group by p.id, e.actor, p.tenant_id`,
  ],
};
