import type { Migration } from './migration.js';

/** Passphrases that devices leave for the day their key is lost: one for each owner, found by the identifier its device chose. */
export const revocationPassphrases: Migration = {
  name: '0027-revocation-passphrases',
  statements: [
    `create table revocation_passphrases (
      id uuid constraint revocation_passphrases_pkey primary key,
      tenant_id uuid not null,
      profile_id uuid not null constraint revocation_passphrases_profile_id_fkey references profiles on delete cascade,
      key_id bytea not null,
      owner text not null,
      ciphertext bytea not null,
      expires_at timestamptz not null,
      created_at timestamptz not null default now(),
      constraint revocation_passphrases_owner_key unique (profile_id, owner),
      constraint revocation_passphrases_key_id_key unique (profile_id, key_id))`,
    'create index revocation_passphrases_expires_at_idx on revocation_passphrases (profile_id, expires_at)',
  ],
};
