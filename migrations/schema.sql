CREATE TABLE accounts (
  id uuid not null,
  tenant_id uuid not null,
  profile_id uuid not null,
  label text not null,
  created_at timestamp with time zone not null default now(),
  CONSTRAINT accounts_pkey PRIMARY KEY (id)
);
CREATE INDEX accounts_profile_idx ON accounts USING btree (profile_id);

CREATE TABLE api_tokens (
  id uuid not null,
  tenant_id uuid,
  name text not null,
  role text not null,
  token_hash bytea not null,
  expires_at timestamp with time zone,
  last_used_at timestamp with time zone,
  revoked_at timestamp with time zone,
  created_at timestamp with time zone not null default now(),
  permissions jsonb,
  created_by text,
  CONSTRAINT api_tokens_token_hash_key UNIQUE (token_hash),
  CONSTRAINT api_tokens_pkey PRIMARY KEY (id),
  CONSTRAINT api_tokens_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id),
  CONSTRAINT api_tokens_role_check CHECK ((role = ANY (ARRAY['minter'::text, 'viewer'::text, 'auditor'::text, 'operator'::text, 'admin'::text, 'superadmin'::text])))
);

CREATE TABLE audit_boots (
  boot_id uuid not null,
  node_id text not null,
  started_at timestamp with time zone not null default now(),
  last_seq bigint not null default 0,
  CONSTRAINT audit_boots_pkey PRIMARY KEY (boot_id)
);

CREATE TABLE audit_checkpoints (
  size bigint not null,
  note text not null,
  signed_at timestamp with time zone not null,
  CONSTRAINT audit_checkpoints_pkey PRIMARY KEY (size)
);

CREATE TABLE audit_events (
  boot_id uuid not null,
  node_seq bigint not null,
  node_id text not null,
  at timestamp with time zone not null,
  tenant_id uuid,
  actor text not null,
  action text not null,
  object text not null,
  outcome text not null,
  details text not null,
  CONSTRAINT audit_events_pkey PRIMARY KEY (boot_id, node_seq),
  CONSTRAINT audit_events_outcome_check CHECK ((outcome = ANY (ARRAY['success'::text, 'failure'::text])))
);
CREATE INDEX audit_events_at_idx ON audit_events USING btree (at, boot_id, node_seq);
CREATE INDEX audit_events_object_idx ON audit_events USING btree (object);

CREATE TABLE audit_keys (
  id text not null,
  origin text not null,
  public_key bytea not null,
  ciphertext bytea not null,
  created_at timestamp with time zone not null default now(),
  CONSTRAINT audit_keys_pkey PRIMARY KEY (id)
);

CREATE TABLE audit_runs (
  first bigint not null,
  last bigint not null,
  boot_id uuid not null,
  seq_from bigint not null,
  head bytea not null,
  sealed_at timestamp with time zone not null default now(),
  CONSTRAINT audit_runs_boot_key UNIQUE (boot_id, seq_from),
  CONSTRAINT audit_runs_pkey PRIMARY KEY (first),
  CONSTRAINT audit_runs_last_check CHECK ((last >= first))
);

CREATE TABLE audit_sealed (
  boot_id uuid not null,
  seq bigint not null,
  CONSTRAINT audit_sealed_pkey PRIMARY KEY (boot_id)
);

CREATE TABLE audit_sinks (
  id uuid not null,
  tenant_id uuid,
  name text not null,
  type text not null,
  status text not null,
  settings jsonb not null,
  secret bytea,
  secret_updated_at timestamp with time zone,
  position bigint not null,
  signed bigint not null,
  fence bigint not null default 0,
  attempts integer not null default 0,
  next_attempt_at timestamp with time zone not null default now(),
  last_error text,
  delivered_at timestamp with time zone,
  version integer not null default 1,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  CONSTRAINT audit_sinks_name_key UNIQUE (name),
  CONSTRAINT audit_sinks_pkey PRIMARY KEY (id),
  CONSTRAINT audit_sinks_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id),
  CONSTRAINT audit_sinks_status_check CHECK ((status = ANY (ARRAY['active'::text, 'inactive'::text]))),
  CONSTRAINT audit_sinks_type_check CHECK ((type = ANY (ARRAY['syslog'::text, 'webhook'::text])))
);

CREATE TABLE audit_tiles (
  level integer not null,
  index bigint not null,
  hashes bytea not null,
  CONSTRAINT audit_tiles_pkey PRIMARY KEY (level, index)
);

CREATE TABLE ca_comparisons (
  connector_id uuid not null,
  tenant_id uuid not null,
  compared_until timestamp with time zone not null,
  next_at timestamp with time zone not null,
  fence bigint not null default 0,
  last_error text,
  CONSTRAINT ca_comparisons_pkey PRIMARY KEY (connector_id),
  CONSTRAINT ca_comparisons_connector_id_fkey FOREIGN KEY (connector_id) REFERENCES connectors(id) ON DELETE CASCADE
);
CREATE INDEX ca_comparisons_next_idx ON ca_comparisons USING btree (next_at);

CREATE TABLE certificates (
  id uuid not null,
  tenant_id uuid not null,
  profile_id uuid,
  order_id uuid,
  connector_id uuid not null,
  der bytea not null,
  sha256 bytea not null,
  issuer_hash bytea not null,
  issuer text not null,
  serial text not null,
  subject text not null,
  sans jsonb not null,
  key_hash bytea not null,
  not_before timestamp with time zone not null,
  not_after timestamp with time zone not null,
  status text not null default 'valid'::text,
  superseded_by uuid,
  revoked_at timestamp with time zone,
  created_at timestamp with time zone not null default now(),
  revocation_reason integer,
  CONSTRAINT certificates_serial_key UNIQUE (issuer_hash, serial),
  CONSTRAINT certificates_sha256_key UNIQUE (sha256),
  CONSTRAINT certificates_pkey PRIMARY KEY (id),
  CONSTRAINT certificates_revocation_reason_check CHECK (((revocation_reason >= 0) AND (revocation_reason <= 10))),
  CONSTRAINT certificates_status_check CHECK ((status = ANY (ARRAY['valid'::text, 'revoked'::text, 'superseded'::text])))
);
CREATE INDEX certificates_not_after_idx ON certificates USING brin (not_after) WITH (pages_per_range='32', autosummarize='on');
CREATE INDEX certificates_tenant_idx ON certificates USING btree (tenant_id, id);

CREATE TABLE certified_keys (
  tenant_id uuid not null,
  profile_id uuid not null,
  key_hash bytea not null,
  name_hash bytea not null,
  created_at timestamp with time zone not null default now(),
  CONSTRAINT certified_keys_pkey PRIMARY KEY (profile_id, key_hash),
  CONSTRAINT certified_keys_profile_id_fkey FOREIGN KEY (profile_id) REFERENCES profiles(id) ON DELETE CASCADE
);

CREATE TABLE challenges (
  id uuid not null,
  tenant_id uuid not null,
  profile_id uuid not null,
  mac bytea not null,
  subject text,
  sans jsonb,
  device_id text,
  max_uses integer not null,
  used integer not null default 0,
  expires_at timestamp with time zone not null,
  created_at timestamp with time zone not null default now(),
  CONSTRAINT challenges_mac_key UNIQUE (mac),
  CONSTRAINT challenges_pkey PRIMARY KEY (id),
  CONSTRAINT challenges_used_check CHECK (((used >= 0) AND (used <= max_uses)))
);
CREATE INDEX challenges_expires_at_idx ON challenges USING btree (expires_at);

CREATE TABLE config_epoch (
  is_only boolean not null default true,
  epoch bigint not null,
  CONSTRAINT config_epoch_pkey PRIMARY KEY (is_only),
  CONSTRAINT config_epoch_is_only_check CHECK (is_only)
);

CREATE TABLE connector_circuits (
  connector_id uuid not null,
  opened_at timestamp with time zone not null default now(),
  reason text not null,
  probe_after timestamp with time zone not null,
  CONSTRAINT connector_circuits_pkey PRIMARY KEY (connector_id),
  CONSTRAINT connector_circuits_connector_id_fkey FOREIGN KEY (connector_id) REFERENCES connectors(id) ON DELETE CASCADE
);

CREATE TABLE connector_health (
  connector_id uuid not null,
  tenant_id uuid not null,
  state text not null default 'UNKNOWN'::text,
  since timestamp with time zone not null default now(),
  reason text not null default ''::text,
  failures integer not null default 0,
  checked_at timestamp with time zone,
  last_success_at timestamp with time zone,
  last_failure_at timestamp with time zone,
  probe_ms integer,
  steps jsonb not null default '[]'::jsonb,
  credentials jsonb not null default '[]'::jsonb,
  connector_version integer not null default 0,
  next_probe_at timestamp with time zone not null default now(),
  fence bigint not null default 0,
  CONSTRAINT connector_health_pkey PRIMARY KEY (connector_id),
  CONSTRAINT connector_health_connector_id_fkey FOREIGN KEY (connector_id) REFERENCES connectors(id) ON DELETE CASCADE,
  CONSTRAINT connector_health_state_check CHECK ((state = ANY (ARRAY['UNKNOWN'::text, 'UP'::text, 'DEGRADED'::text, 'DOWN'::text])))
);
CREATE INDEX connector_health_due_idx ON connector_health USING btree (next_probe_at);

CREATE TABLE connector_health_changes (
  id uuid not null,
  connector_id uuid not null,
  tenant_id uuid not null,
  at timestamp with time zone not null,
  was text not null,
  state text not null,
  reason text not null,
  CONSTRAINT connector_health_changes_pkey PRIMARY KEY (id),
  CONSTRAINT connector_health_changes_connector_id_fkey FOREIGN KEY (connector_id) REFERENCES connectors(id) ON DELETE CASCADE
);
CREATE INDEX connector_health_changes_connector_idx ON connector_health_changes USING btree (connector_id, id DESC);

CREATE TABLE connector_hours (
  tenant_id uuid not null,
  connector_id uuid not null,
  hour timestamp with time zone not null,
  result text not null,
  bucket smallint not null,
  calls bigint not null,
  CONSTRAINT connector_hours_pkey PRIMARY KEY (connector_id, hour, result, bucket)
);
CREATE INDEX connector_hours_hour_idx ON connector_hours USING btree (hour);

CREATE TABLE connector_logs (
  id uuid not null,
  tenant_id uuid not null,
  connector_id uuid not null,
  connector_version integer not null,
  at timestamp with time zone not null,
  level text not null,
  operation text not null,
  outcome text not null,
  result text not null,
  order_id uuid,
  request_id text not null,
  method text,
  route text,
  status integer,
  duration_ms integer not null,
  attempts integer not null,
  peer text,
  detail text not null,
  CONSTRAINT connector_logs_pkey PRIMARY KEY (id),
  CONSTRAINT connector_logs_level_check CHECK ((level = ANY (ARRAY['info'::text, 'warning'::text, 'error'::text]))),
  CONSTRAINT connector_logs_result_check CHECK ((result = ANY (ARRAY['ok'::text, 'refused'::text, 'failed'::text])))
);
-- connector_logs: PARTITION BY RANGE (id)
CREATE INDEX connector_logs_connector_idx ON ONLY connector_logs USING btree (connector_id, id DESC);
CREATE INDEX connector_logs_order_idx ON ONLY connector_logs USING btree (order_id, id DESC) WHERE (order_id IS NOT NULL);
CREATE TABLE connector_logs_default PARTITION DEFAULT;

CREATE TABLE connector_secrets (
  connector_id uuid not null,
  name text not null,
  tenant_id uuid not null,
  ciphertext bytea not null,
  updated_at timestamp with time zone not null default now(),
  CONSTRAINT connector_secrets_pkey PRIMARY KEY (connector_id, name),
  CONSTRAINT connector_secrets_connector_id_fkey FOREIGN KEY (connector_id) REFERENCES connectors(id) ON DELETE CASCADE,
  CONSTRAINT connector_secrets_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id)
);

CREATE TABLE connectors (
  id uuid not null,
  tenant_id uuid not null,
  type text not null,
  name text not null,
  description text not null,
  status text not null,
  config jsonb not null,
  version integer not null default 1,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  CONSTRAINT connectors_pkey PRIMARY KEY (id),
  CONSTRAINT connectors_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id),
  CONSTRAINT connectors_status_check CHECK ((status = ANY (ARRAY['active'::text, 'inactive'::text]))),
  CONSTRAINT connectors_type_check CHECK ((type = ANY (ARRAY['ejbca'::text, 'crypto-engine'::text, 'smtp'::text])))
);
CREATE UNIQUE INDEX connectors_name_key ON connectors USING btree (tenant_id, name);
CREATE INDEX connectors_tenant_id_idx ON connectors USING btree (tenant_id);

CREATE TABLE delayed_answers (
  key bytea not null,
  tenant_id uuid not null,
  requester bytea not null,
  session jsonb not null,
  answer bytea,
  created_at timestamp with time zone not null default now(),
  CONSTRAINT delayed_answers_pkey PRIMARY KEY (key)
);
CREATE INDEX delayed_answers_created_idx ON delayed_answers USING btree (created_at);

CREATE TABLE engine_cas (
  id text not null,
  certificate bytea not null,
  ciphertext bytea not null,
  parent_id text not null,
  created_at timestamp with time zone not null default now(),
  state text not null default 'active'::text,
  activates_at timestamp with time zone,
  CONSTRAINT engine_cas_pkey PRIMARY KEY (id),
  CONSTRAINT engine_cas_activates_check CHECK (((state <> 'next'::text) OR (activates_at IS NOT NULL))),
  CONSTRAINT engine_cas_state_check CHECK ((state = ANY (ARRAY['next'::text, 'active'::text, 'retired'::text])))
);
CREATE UNIQUE INDEX engine_cas_next_key ON engine_cas USING btree (state) WHERE (state = 'next'::text);

CREATE TABLE engine_certificates (
  ca_id text not null,
  serial text not null,
  ref text not null,
  certificate bytea,
  certificate_id uuid,
  not_after timestamp with time zone not null,
  revoked_at timestamp with time zone,
  reason integer,
  issued_at timestamp with time zone,
  CONSTRAINT engine_certificates_ref_key UNIQUE (ref),
  CONSTRAINT engine_certificates_pkey PRIMARY KEY (ca_id, serial),
  CONSTRAINT engine_certificates_certificate_check CHECK (((certificate IS NOT NULL) OR (certificate_id IS NOT NULL)))
);
CREATE INDEX engine_certificates_issued_idx ON engine_certificates USING btree (issued_at) WHERE (issued_at IS NOT NULL);
CREATE INDEX engine_certificates_revoked_idx ON engine_certificates USING btree (ca_id, revoked_at) WHERE (revoked_at IS NOT NULL);

CREATE TABLE engine_clients (
  id uuid not null,
  client_id text not null,
  name text not null,
  scopes text[] not null,
  secret_hash bytea not null,
  created_at timestamp with time zone not null default now(),
  secret_set_at timestamp with time zone not null default now(),
  CONSTRAINT engine_clients_client_id_key UNIQUE (client_id),
  CONSTRAINT engine_clients_pkey PRIMARY KEY (id)
);

CREATE TABLE engine_crl_numbers (
  ca_id text not null,
  number bigint not null,
  CONSTRAINT engine_crl_numbers_pkey PRIMARY KEY (ca_id)
);

CREATE TABLE engine_ocsp_signers (
  ca_id text not null,
  serial text not null,
  certificate bytea not null,
  ciphertext bytea not null,
  not_after timestamp with time zone not null,
  created_at timestamp with time zone not null default now(),
  CONSTRAINT engine_ocsp_signers_pkey PRIMARY KEY (ca_id, serial)
);

CREATE TABLE idempotency_keys (
  key_hash bytea not null,
  tenant_id uuid,
  actor text not null,
  request_hash text not null,
  claim_id uuid not null,
  claimed_until timestamp with time zone not null,
  answer bytea,
  expires_at timestamp with time zone not null,
  CONSTRAINT idempotency_keys_pkey PRIMARY KEY (key_hash)
);
CREATE INDEX idempotency_keys_expires_at_idx ON idempotency_keys USING btree (expires_at);

CREATE TABLE issuer_views (
  connector_id uuid not null,
  overrides text not null,
  tenant_id uuid not null,
  chain text,
  crl bytea,
  claimed_at timestamp with time zone not null default now(),
  CONSTRAINT issuer_views_pkey PRIMARY KEY (connector_id, overrides),
  CONSTRAINT issuer_views_connector_id_fkey FOREIGN KEY (connector_id) REFERENCES connectors(id) ON DELETE CASCADE
);

CREATE TABLE mails (
  id uuid not null,
  tenant_id uuid not null,
  rule_id uuid not null,
  rule_name text not null,
  kind text not null,
  recipient text not null,
  subject text not null,
  content jsonb not null,
  state text not null,
  attempts integer not null default 0,
  fence bigint not null default 0,
  next_attempt_at timestamp with time zone not null default now(),
  give_up_at timestamp with time zone not null,
  last_error text,
  response text,
  created_at timestamp with time zone not null default now(),
  finished_at timestamp with time zone,
  CONSTRAINT mails_pkey PRIMARY KEY (id),
  CONSTRAINT mails_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'sent'::text, 'dead'::text])))
);
CREATE INDEX mails_due_idx ON mails USING btree (next_attempt_at) WHERE (state = 'waiting'::text);
CREATE INDEX mails_finished_idx ON mails USING btree (finished_at) WHERE (state <> 'waiting'::text);
CREATE INDEX mails_rule_idx ON mails USING btree (rule_id);
CREATE INDEX mails_tenant_idx ON mails USING btree (tenant_id, id);

CREATE TABLE notification_connectors (
  connector_id uuid not null,
  tenant_id uuid not null,
  state text not null,
  since timestamp with time zone not null,
  CONSTRAINT notification_connectors_pkey PRIMARY KEY (connector_id),
  CONSTRAINT notification_connectors_connector_id_fkey FOREIGN KEY (connector_id) REFERENCES connectors(id) ON DELETE CASCADE,
  CONSTRAINT notification_connectors_state_check CHECK ((state = ANY (ARRAY['up'::text, 'down'::text])))
);

CREATE TABLE notification_gatherings (
  rule_id uuid not null,
  kind text not null,
  tenant_id uuid not null,
  count integer not null default 0,
  items jsonb not null default '[]'::jsonb,
  tallies jsonb not null default '{}'::jsonb,
  due_at timestamp with time zone,
  closed_at timestamp with time zone,
  CONSTRAINT notification_gatherings_pkey PRIMARY KEY (rule_id, kind),
  CONSTRAINT notification_gatherings_rule_id_fkey FOREIGN KEY (rule_id) REFERENCES notification_rules(id) ON DELETE CASCADE
);
CREATE INDEX notification_gatherings_due_idx ON notification_gatherings USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE TABLE notification_marks (
  rule_id uuid not null,
  name text not null,
  tenant_id uuid not null,
  reached timestamp with time zone not null,
  CONSTRAINT notification_marks_pkey PRIMARY KEY (rule_id, name),
  CONSTRAINT notification_marks_rule_id_fkey FOREIGN KEY (rule_id) REFERENCES notification_rules(id) ON DELETE CASCADE
);

CREATE TABLE notification_rules (
  id uuid not null,
  tenant_id uuid not null,
  connector_id uuid not null,
  name text not null,
  description text not null,
  status text not null,
  recipients jsonb not null,
  events jsonb not null,
  profile_ids jsonb not null,
  expiry_days jsonb not null,
  minutes_between_mails integer not null,
  digest jsonb not null,
  version integer not null default 1,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  CONSTRAINT notification_rules_name_key UNIQUE (tenant_id, name),
  CONSTRAINT notification_rules_pkey PRIMARY KEY (id),
  CONSTRAINT notification_rules_connector_id_fkey FOREIGN KEY (connector_id) REFERENCES connectors(id),
  CONSTRAINT notification_rules_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id),
  CONSTRAINT notification_rules_status_check CHECK ((status = ANY (ARRAY['active'::text, 'inactive'::text])))
);
CREATE INDEX notification_rules_connector_idx ON notification_rules USING btree (connector_id);

CREATE TABLE order_approvals (
  order_id uuid not null,
  actor text not null,
  tenant_id uuid not null,
  reason text not null,
  at timestamp with time zone not null default now(),
  CONSTRAINT order_approvals_pkey PRIMARY KEY (order_id, actor)
);

CREATE TABLE order_intents (
  order_id uuid not null,
  fence bigint not null,
  tenant_id uuid not null,
  request_hash bytea not null,
  connector_version integer,
  called_at timestamp with time zone not null,
  CONSTRAINT order_intents_pkey PRIMARY KEY (order_id, fence)
);

CREATE TABLE order_work (
  order_id uuid not null,
  tenant_id uuid not null,
  request jsonb not null,
  fence bigint not null default 0,
  lease_until timestamp with time zone,
  next_attempt_at timestamp with time zone not null,
  deadline timestamp with time zone not null,
  calls integer not null default 0,
  called_at timestamp with time zone,
  ca_reference text,
  pkcs10 bytea,
  CONSTRAINT order_work_pkey PRIMARY KEY (order_id)
);
CREATE INDEX order_work_deadline_idx ON order_work USING btree (deadline);
CREATE INDEX order_work_lease_idx ON order_work USING btree (lease_until) WHERE (lease_until IS NOT NULL);
CREATE INDEX order_work_next_attempt_idx ON order_work USING btree (next_attempt_at);

CREATE TABLE orders (
  id uuid not null,
  tenant_id uuid not null,
  profile_id uuid not null,
  connector_id uuid not null,
  protocol text not null,
  account_id uuid not null,
  transaction_id text not null,
  dedupe_key bytea not null,
  operation text not null,
  state text not null,
  subject text not null,
  fail_info text,
  fail_reason text,
  attempts integer not null default 1,
  client_ip text not null,
  client_family text not null,
  key_type text not null,
  digest text not null,
  cipher text not null,
  credential text not null,
  certificate_id uuid,
  renews uuid,
  created_at timestamp with time zone not null,
  finished_at timestamp with time zone,
  approved_at timestamp with time zone,
  acknowledged_at timestamp with time zone,
  watched_state text default 
CASE
    WHEN (state = ANY (ARRAY['ISSUED'::text, 'DELIVERED'::text, 'CONFIRMED'::text])) THEN NULL::text
    ELSE state
END,
  CONSTRAINT orders_pkey PRIMARY KEY (id),
  CONSTRAINT orders_operation_check CHECK ((operation = ANY (ARRAY['enrolment'::text, 'renewal'::text, 'revocation'::text]))),
  CONSTRAINT orders_protocol_check CHECK ((protocol = ANY (ARRAY['scep'::text, 'cmp'::text]))),
  CONSTRAINT orders_state_check CHECK ((state = ANY (ARRAY['AWAITING_APPROVAL'::text, 'ACCEPTED'::text, 'ISSUING'::text, 'UNCERTAIN'::text, 'CA_PENDING'::text, 'STUCK'::text, 'ISSUED'::text, 'DELIVERED'::text, 'CONFIRMED'::text, 'REVOKE_WANTED'::text, 'REVOKED'::text, 'REJECTED'::text, 'FAILED'::text, 'EXPIRED'::text])))
);
CREATE INDEX orders_account_idx ON orders USING btree (account_id, id);
CREATE INDEX orders_operation_idx ON orders USING btree (operation, id) WHERE (operation <> 'enrolment'::text);
CREATE INDEX orders_profile_idx ON orders USING btree (profile_id, id);
CREATE INDEX orders_protocol_idx ON orders USING btree (protocol, id);
CREATE INDEX orders_tenant_idx ON orders USING btree (tenant_id, id);
CREATE INDEX orders_transaction_idx ON orders USING hash (transaction_id);
CREATE INDEX orders_watched_idx ON orders USING btree (watched_state, id) WHERE (watched_state IS NOT NULL);

CREATE TABLE orphan_certificates (
  id uuid not null,
  tenant_id uuid not null,
  order_id uuid not null,
  certificate bytea not null,
  sha256 bytea not null,
  reason text not null,
  received_at timestamp with time zone not null default now(),
  revoked_at timestamp with time zone,
  CONSTRAINT orphan_certificates_sha256_key UNIQUE (order_id, sha256),
  CONSTRAINT orphan_certificates_pkey PRIMARY KEY (id)
);

CREATE TABLE outbox (
  id uuid not null,
  tenant_id uuid,
  topic text not null,
  payload jsonb not null,
  created_at timestamp with time zone not null default now(),
  next_attempt_at timestamp with time zone not null default now(),
  attempts integer not null default 0,
  last_error text,
  sealed bytea,
  given_up_at timestamp with time zone,
  CONSTRAINT outbox_pkey PRIMARY KEY (id)
);
CREATE INDEX outbox_next_attempt_idx ON outbox USING btree (topic, next_attempt_at);
CREATE INDEX outbox_revocation_idx ON outbox USING btree (((payload ->> 'orderId'::text))) WHERE (topic = 'certificate.revoke'::text);

CREATE TABLE profile_editors (
  profile_id uuid not null,
  actor text not null,
  tenant_id uuid not null,
  at timestamp with time zone not null default now(),
  CONSTRAINT profile_editors_pkey PRIMARY KEY (profile_id, actor),
  CONSTRAINT profile_editors_profile_id_fkey FOREIGN KEY (profile_id) REFERENCES profiles(id) ON DELETE CASCADE
);

CREATE TABLE profiles (
  id uuid not null,
  tenant_id uuid not null,
  connector_id uuid not null,
  protocol text not null,
  name text not null,
  endpoint_path text not null,
  legacy_paths jsonb not null,
  description text not null,
  status text not null,
  policy jsonb not null,
  overrides jsonb not null,
  public_base_url text,
  challenge_mode text,
  challenge_mac bytea,
  challenge_updated_at timestamp with time zone,
  is_default boolean not null default false,
  version integer not null default 1,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  challenge_check jsonb,
  challenge_secret bytea,
  CONSTRAINT profiles_endpoint_path_key UNIQUE (protocol, endpoint_path),
  CONSTRAINT profiles_pkey PRIMARY KEY (id),
  CONSTRAINT profiles_connector_id_fkey FOREIGN KEY (connector_id) REFERENCES connectors(id),
  CONSTRAINT profiles_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id),
  CONSTRAINT profiles_challenge_mode_check CHECK ((challenge_mode = ANY (ARRAY['static'::text, 'one-time'::text, 'none'::text, 'hmac'::text, 'webhook'::text, 'intune'::text]))),
  CONSTRAINT profiles_protocol_check CHECK ((protocol = ANY (ARRAY['scep'::text, 'cmp'::text]))),
  CONSTRAINT profiles_status_check CHECK ((status = ANY (ARRAY['active'::text, 'inactive'::text])))
);
CREATE INDEX profiles_connector_id_idx ON profiles USING btree (connector_id);
CREATE UNIQUE INDEX profiles_default_key ON profiles USING btree (protocol) WHERE is_default;
CREATE UNIQUE INDEX profiles_name_key ON profiles USING btree (tenant_id, protocol, name);
CREATE INDEX profiles_tenant_id_idx ON profiles USING btree (tenant_id);

CREATE TABLE ra_keys (
  id uuid not null,
  tenant_id uuid not null,
  profile_id uuid not null,
  purpose text not null,
  state text not null,
  ciphertext bytea,
  spki bytea not null,
  certificate bytea,
  chain jsonb not null,
  created_at timestamp with time zone not null default now(),
  usage text not null default 'both'::text,
  origin text not null default 'generated'::text,
  keep_until timestamp with time zone,
  CONSTRAINT ra_keys_pkey PRIMARY KEY (id),
  CONSTRAINT ra_keys_profile_id_fkey FOREIGN KEY (profile_id) REFERENCES profiles(id) ON DELETE CASCADE,
  CONSTRAINT ra_keys_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id),
  CONSTRAINT ra_keys_ciphertext_check CHECK (((state = 'destroyed'::text) OR (ciphertext IS NOT NULL))),
  CONSTRAINT ra_keys_origin_check CHECK ((origin = ANY (ARRAY['generated'::text, 'imported'::text]))),
  CONSTRAINT ra_keys_purpose_check CHECK ((purpose = ANY (ARRAY['scep'::text, 'cmp'::text]))),
  CONSTRAINT ra_keys_state_check CHECK ((state = ANY (ARRAY['next'::text, 'active'::text, 'retiring'::text, 'destroyed'::text]))),
  CONSTRAINT ra_keys_usage_check CHECK ((usage = ANY (ARRAY['both'::text, 'sign'::text, 'encrypt'::text])))
);
CREATE INDEX ra_keys_profile_id_idx ON ra_keys USING btree (profile_id);

CREATE TABLE refusals (
  id uuid not null,
  reason text not null,
  tenant_id uuid,
  profile_id uuid,
  source text not null,
  client_family text not null,
  detail text not null,
  count bigint not null,
  first_seen timestamp with time zone not null,
  last_seen timestamp with time zone not null,
  CONSTRAINT refusals_fold_key UNIQUE NULLS NOT DISTINCT (reason, profile_id, source),
  CONSTRAINT refusals_pkey PRIMARY KEY (id)
);
CREATE INDEX refusals_last_seen_idx ON refusals USING btree (last_seen);

CREATE TABLE revocation_passphrases (
  id uuid not null,
  tenant_id uuid not null,
  profile_id uuid not null,
  key_id bytea not null,
  owner text not null,
  ciphertext bytea not null,
  expires_at timestamp with time zone not null,
  created_at timestamp with time zone not null default now(),
  CONSTRAINT revocation_passphrases_key_id_key UNIQUE (profile_id, key_id),
  CONSTRAINT revocation_passphrases_owner_key UNIQUE (profile_id, owner),
  CONSTRAINT revocation_passphrases_pkey PRIMARY KEY (id),
  CONSTRAINT revocation_passphrases_profile_id_fkey FOREIGN KEY (profile_id) REFERENCES profiles(id) ON DELETE CASCADE
);
CREATE INDEX revocation_passphrases_expires_at_idx ON revocation_passphrases USING btree (profile_id, expires_at);

CREATE TABLE schema_migrations (
  name text not null,
  applied_at timestamp with time zone not null default now(),
  CONSTRAINT schema_migrations_pkey PRIMARY KEY (name)
);

CREATE TABLE sessions (
  id uuid not null,
  token_hash bytea not null,
  user_id uuid not null,
  tenant_id uuid,
  method text not null,
  restriction text,
  source text not null,
  user_agent text not null,
  sealed bytea,
  created_at timestamp with time zone not null,
  last_used_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  CONSTRAINT sessions_token_hash_key UNIQUE (token_hash),
  CONSTRAINT sessions_pkey PRIMARY KEY (id),
  CONSTRAINT sessions_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id),
  CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE,
  CONSTRAINT sessions_method_check CHECK ((method = ANY (ARRAY['password'::text, 'oidc'::text]))),
  CONSTRAINT sessions_restriction_check CHECK ((restriction = ANY (ARRAY['change-password'::text, 'enrol-totp'::text])))
);
CREATE INDEX sessions_expires_at_idx ON sessions USING btree (expires_at);
CREATE INDEX sessions_user_id_idx ON sessions USING btree (user_id);

CREATE TABLE settings (
  name text not null,
  value text not null,
  updated_at timestamp with time zone not null default now(),
  CONSTRAINT settings_pkey PRIMARY KEY (name)
);

CREATE TABLE shared_secrets (
  id uuid not null,
  tenant_id uuid not null,
  profile_id uuid not null,
  reference text not null,
  ciphertext bytea not null,
  status text not null,
  expires_at timestamp with time zone,
  created_at timestamp with time zone not null default now(),
  label text,
  subject text,
  sans jsonb,
  max_uses integer,
  used integer not null default 0,
  last_use bytea,
  CONSTRAINT shared_secrets_reference_key UNIQUE (profile_id, reference),
  CONSTRAINT shared_secrets_pkey PRIMARY KEY (id),
  CONSTRAINT shared_secrets_profile_id_fkey FOREIGN KEY (profile_id) REFERENCES profiles(id) ON DELETE CASCADE,
  CONSTRAINT shared_secrets_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id),
  CONSTRAINT shared_secrets_status_check CHECK ((status = ANY (ARRAY['active'::text, 'retiring'::text, 'revoked'::text]))),
  CONSTRAINT shared_secrets_used_check CHECK (((used >= 0) AND ((max_uses IS NULL) OR (used <= max_uses))))
);

CREATE TABLE sign_in_limits (
  key_hash bytea not null,
  tries integer not null,
  blocked_until timestamp with time zone,
  expires_at timestamp with time zone not null,
  CONSTRAINT sign_in_limits_pkey PRIMARY KEY (key_hash)
);
CREATE INDEX sign_in_limits_expires_at_idx ON sign_in_limits USING btree (expires_at);

CREATE TABLE tenants (
  id uuid not null,
  name text not null,
  slug text not null,
  status text not null,
  version integer not null default 1,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  CONSTRAINT tenants_slug_key UNIQUE (slug),
  CONSTRAINT tenants_pkey PRIMARY KEY (id),
  CONSTRAINT tenants_status_check CHECK ((status = ANY (ARRAY['active'::text, 'inactive'::text])))
);
CREATE UNIQUE INDEX tenants_name_key ON tenants USING btree (name);

CREATE TABLE transactions (
  dedupe_key bytea not null,
  order_id uuid not null,
  tenant_id uuid not null,
  profile_id uuid not null,
  transaction_id text not null,
  content_hash bytea not null,
  session jsonb not null,
  retained_until timestamp with time zone,
  confirm_until bigint default ((session ->> 'confirmUntil'::text))::bigint,
  CONSTRAINT transactions_pkey PRIMARY KEY (dedupe_key)
);
CREATE INDEX transactions_confirm_idx ON transactions USING btree (confirm_until) WHERE (confirm_until IS NOT NULL);
CREATE INDEX transactions_retained_idx ON transactions USING brin (retained_until);
CREATE INDEX transactions_transaction_idx ON transactions USING hash (transaction_id);

CREATE TABLE unknown_certificates (
  id uuid not null,
  tenant_id uuid not null,
  connector_id uuid not null,
  certificate bytea not null,
  sha256 bytea not null,
  issuer text not null,
  serial text not null,
  subject text not null,
  not_before timestamp with time zone not null,
  not_after timestamp with time zone not null,
  is_ours boolean not null,
  state text not null,
  reason text not null default ''::text,
  found_at timestamp with time zone not null default now(),
  decided_at timestamp with time zone,
  next_attempt_at timestamp with time zone,
  attempts integer not null default 0,
  last_error text,
  CONSTRAINT unknown_certificates_sha256_key UNIQUE (sha256),
  CONSTRAINT unknown_certificates_pkey PRIMARY KEY (id),
  CONSTRAINT unknown_certificates_state_check CHECK ((state = ANY (ARRAY['FOUND'::text, 'REVOKE_WANTED'::text, 'REVOKED'::text, 'KEPT'::text])))
);
CREATE INDEX unknown_certificates_found_idx ON unknown_certificates USING btree (tenant_id, found_at DESC);
CREATE INDEX unknown_certificates_wanted_idx ON unknown_certificates USING btree (next_attempt_at) WHERE (state = 'REVOKE_WANTED'::text);

CREATE TABLE users (
  id uuid not null,
  tenant_id uuid,
  username text not null,
  role text not null,
  status text not null,
  password_hash text,
  version integer not null default 1,
  created_at timestamp with time zone not null default now(),
  email text,
  display_name text not null default ''::text,
  roles jsonb,
  tenant_ids jsonb,
  must_change_password boolean not null default false,
  password_changed_at timestamp with time zone,
  totp_secret bytea,
  totp_confirmed_at timestamp with time zone,
  totp_last_step bigint,
  backup_codes jsonb not null default '[]'::jsonb,
  identity_issuer text,
  identity_subject text,
  last_login_at timestamp with time zone,
  updated_at timestamp with time zone not null default now(),
  CONSTRAINT users_username_key UNIQUE (username),
  CONSTRAINT users_pkey PRIMARY KEY (id),
  CONSTRAINT users_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id),
  CONSTRAINT users_role_check CHECK ((role = ANY (ARRAY['minter'::text, 'viewer'::text, 'auditor'::text, 'operator'::text, 'admin'::text, 'superadmin'::text]))),
  CONSTRAINT users_status_check CHECK ((status = ANY (ARRAY['active'::text, 'inactive'::text])))
);
CREATE UNIQUE INDEX users_identity_key ON users USING btree (identity_issuer, identity_subject) WHERE (identity_subject IS NOT NULL);

CREATE TABLE vendor_devices (
  id uuid not null,
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
  expires_at timestamp with time zone,
  created_at timestamp with time zone not null default now(),
  CONSTRAINT vendor_devices_match_key UNIQUE (profile_id, match_key),
  CONSTRAINT vendor_devices_pkey PRIMARY KEY (id),
  CONSTRAINT vendor_devices_used_check CHECK ((used >= 0))
);
