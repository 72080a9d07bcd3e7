import type { Migration } from './migration.js';

/** Devices of vendors that may ask a CMP profile for their first certificate, each by name (3GPP TS 33.310 clause 9.2). */
export const vendorDevices: Migration = {
  name: '0016-vendor-devices',
  statements: [
    // last_use: the transaction that was counted last, so that its retransmission counts no second time.
    `create table vendor_devices (
      id uuid constraint vendor_devices_pkey primary key,
      tenant_id uuid not null,
      profile_id uuid not null,
      match_key bytea not null,
      issuer text,
      serial text,
      subject text,
      label text,
      max_uses integer not null,
      used integer not null default 0,
      last_use bytea,
      expires_at timestamptz,
      created_at timestamptz not null default now(),
      constraint vendor_devices_match_key unique (profile_id, match_key),
      constraint vendor_devices_used_check check (used >= 0))`,
  ],
};
