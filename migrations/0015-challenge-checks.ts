import type { Migration } from './migration.js';

/** Profiles whose challenges are derived from a secret (hmac) or judged outside (webhook, intune): how, and under which sealed secret. */
export const challengeChecks: Migration = {
  name: '0015-challenge-checks',
  statements: [
    'alter table profiles drop constraint profiles_challenge_mode_check',
    `alter table profiles add constraint profiles_challenge_mode_check
      check (challenge_mode in ('static', 'one-time', 'none', 'hmac', 'webhook', 'intune'))`,
    'alter table profiles add column challenge_check jsonb',
    'alter table profiles add column challenge_secret bytea',
  ],
};
