import type { Migration } from './migration.js';

/** Why a certificate was revoked: one on hold (certificateHold) can be released, all others stay revoked. */
export const revocationReason: Migration = {
  name: '0011-revocation-reason',
  statements: [
    'alter table certificates add column revocation_reason integer',
    'alter table certificates add constraint certificates_revocation_reason_check check (revocation_reason between 0 and 10)',
  ],
};
