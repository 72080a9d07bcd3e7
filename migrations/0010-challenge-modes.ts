import type { Migration } from './migration.js';

/** Profiles that ask for no challenge: for orders that wait for approval, or for networks where everyone may enrol. */
export const challengeModes: Migration = {
  name: '0010-challenge-modes',
  statements: [
    'alter table profiles drop constraint profiles_challenge_mode_check',
    `alter table profiles add constraint profiles_challenge_mode_check check (challenge_mode in ('static', 'one-time', 'none'))`,
  ],
};
