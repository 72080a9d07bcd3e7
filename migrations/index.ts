import { tenancy } from './0001-tenancy.js';
import { orders } from './0002-orders.js';
import { certificates } from './0003-certificates.js';
import { audit } from './0004-audit.js';
import { refusals } from './0005-refusals.js';
import { access } from './0006-access.js';
import { cryptoEngine } from './0007-crypto-engine.js';
import { uniqueNames } from './0008-unique-names.js';
import { challenges } from './0009-challenges.js';
import { challengeModes } from './0010-challenge-modes.js';
import { revocationReason } from './0011-revocation-reason.js';
import { confirmations } from './0012-confirmations.js';
import { idempotencyKeys } from './0013-idempotency-keys.js';
import { rollover } from './0014-rollover.js';
import { challengeChecks } from './0015-challenge-checks.js';
import { vendorDevices } from './0016-vendor-devices.js';
import { watchedState } from './0017-watched-state.js';
import { sealedOutbox } from './0018-sealed-outbox.js';
import { delayedAnswers } from './0019-delayed-answers.js';
import { engineClients } from './0020-engine-clients.js';
import { sealedRequest } from './0021-sealed-request.js';
import { limitedSecrets } from './0022-limited-secrets.js';
import { notifications } from './0023-notifications.js';
import { connectorLogs } from './0024-connector-logs.js';
import { circuits } from './0025-circuits.js';
import { revocationPassphrases } from './0027-revocation-passphrases.js';
import { connectorLogPartitions } from './0028-connector-log-partitions.js';
import { identity } from './0032-identity.js';
import { fourEyes } from './0033-four-eyes.js';
import { auditChain } from './0035-audit-chain.js';
import { auditSinks } from './0036-audit-sinks.js';
import { unknownCertificates } from './0043-unknown-certificates.js';
import { issuerViews } from './0044-issuer-views.js';
import type { Migration } from './migration.js';

/** Every step of the schema, in order. A static list: what a build contains is what it runs. */
export const migrations: readonly Migration[] = [
  tenancy,
  orders,
  certificates,
  audit,
  refusals,
  access,
  cryptoEngine,
  uniqueNames,
  challenges,
  challengeModes,
  revocationReason,
  confirmations,
  idempotencyKeys,
  rollover,
  challengeChecks,
  vendorDevices,
  watchedState,
  sealedOutbox,
  delayedAnswers,
  engineClients,
  sealedRequest,
  limitedSecrets,
  notifications,
  connectorLogs,
  circuits,
  revocationPassphrases,
  connectorLogPartitions,
  identity,
  fourEyes,
  auditChain,
  auditSinks,
  unknownCertificates,
  issuerViews,
];
export type { Migration };
