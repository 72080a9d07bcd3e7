import type { Migration } from './migration.js';

/** Answers of CMP that take longer than a device's connection is held, and that belong to no order. Few, and kept for a day. */
export const delayedAnswers: Migration = {
  name: '0019-delayed-answers',
  statements: [
    `create table delayed_answers (
      key bytea constraint delayed_answers_pkey primary key,
      tenant_id uuid not null,
      requester bytea not null,
      session jsonb not null,
      answer bytea,
      created_at timestamptz not null default now())`,
    'create index delayed_answers_created_idx on delayed_answers (created_at)',
  ],
};
