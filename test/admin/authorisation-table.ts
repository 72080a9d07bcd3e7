import type { Role } from '../../src/tenancy/role.js';

export interface Rule {
  /** The least role that has the permission; those after it have it too. */
  readonly from: Role;
  readonly also?: Role;
  /** Only for callers that are bound to no tenant. */
  readonly onlyWithoutTenant?: true;
  /** What it opens, each route once; below /api/v1. */
  readonly routes: readonly string[];
}

/** Who may ask for what: written down by hand, and not taken from the code, which the matrix holds against it. */
export const table: Readonly<Record<string, Rule>> = {
  'tenant:read': { from: 'viewer', routes: ['GET /tenants', 'GET /tenants/{id}'] },
  'tenant:write': { from: 'superadmin', onlyWithoutTenant: true, routes: ['POST /tenants', 'PATCH /tenants/{id}'] },
  'connector:read': {
    from: 'viewer',
    routes: ['GET /connectors', 'GET /connectors/summary', 'GET /connectors/{id}', 'GET /connectors/{id}/logs', 'GET /connectors/{id}/monitoring'],
  },
  'connector:write': {
    from: 'admin',
    routes: [
      'POST /connectors',
      'PATCH /connectors/{id}',
      'DELETE /connectors/{id}',
      'POST /connectors/test',
      'POST /connectors/bulk/status',
      'POST /connectors/bulk/delete',
    ],
  },
  'connector:test': { from: 'operator', routes: ['POST /connectors/{id}/test', 'GET /connectors/{id}/options'] },
  'profile:read': {
    from: 'viewer',
    routes: [
      'GET /cmp-profiles',
      'GET /cmp-profiles/summary',
      'GET /cmp-profiles/{id}',
      'GET /cmp-profiles/{id}/device-secrets',
      'GET /cmp-profiles/{id}/vendor-devices',
      'GET /cmp-profiles/{id}/snippets',
      'GET /scep-profiles',
      'GET /scep-profiles/summary',
      'GET /scep-profiles/{id}',
      'GET /scep-profiles/{id}/ra-keys',
      'GET /scep-profiles/{id}/snippets',
    ],
  },
  'profile:write': {
    from: 'admin',
    routes: [
      'POST /cmp-profiles',
      'PATCH /cmp-profiles/{id}',
      'DELETE /cmp-profiles/{id}',
      'POST /cmp-profiles/bulk/status',
      'POST /cmp-profiles/bulk/delete',
      'DELETE /cmp-profiles/{id}/device-secrets/{secretId}',
      'POST /cmp-profiles/{id}/vendor-devices',
      'POST /cmp-profiles/{id}/vendor-devices/import',
      'DELETE /cmp-profiles/{id}/vendor-devices/{deviceId}',
      'POST /scep-profiles',
      'PATCH /scep-profiles/{id}',
      'DELETE /scep-profiles/{id}',
      'POST /scep-profiles/bulk/status',
      'POST /scep-profiles/bulk/delete',
    ],
  },
  'profile:test': { from: 'operator', routes: ['POST /cmp-profiles/{id}/test-enrolment', 'POST /scep-profiles/{id}/test-enrolment'] },
  'profile:rotate-secret': { from: 'admin', routes: ['POST /cmp-profiles/{id}/rotate-secret'] },
  'profile:ra-keys': {
    from: 'admin',
    routes: ['POST /scep-profiles/{id}/ra-keys/import', 'POST /scep-profiles/{id}/ra-keys/prepare', 'POST /scep-profiles/{id}/ra-keys/{keyId}/retire'],
  },
  'challenge:mint': {
    from: 'operator',
    also: 'minter',
    routes: [
      'POST /scep-profiles/{id}/challenges',
      'POST /scep-profiles/{id}/mobileconfig',
      'POST /cmp-profiles/{id}/device-secrets',
      'POST /cmp-profiles/{id}/registration-tokens',
    ],
  },
  'order:read': {
    from: 'viewer',
    routes: [
      'GET /dashboard',
      'GET /orders',
      'GET /orders/events',
      'GET /orders/{id}',
      'GET /orders/{id}/timeline',
      'GET /orders/{id}/messages',
      'GET /orders/{id}/approvals',
    ],
  },
  'order:approve': {
    from: 'operator',
    routes: [
      'POST /orders/{id}/approve',
      'POST /orders/{id}/deny',
      'POST /orders/bulk/approve',
      'POST /orders/bulk/deny',
      'POST /orders/{id}/retry',
      'POST /orders/{id}/resolve',
      'POST /orders/{id}/fail',
    ],
  },
  'order:acknowledge': { from: 'operator', routes: ['POST /orders/{id}/acknowledge', 'POST /orders/bulk/acknowledge'] },
  'refusal:read': { from: 'viewer', routes: ['GET /refusals'] },
  'certificate:read': {
    from: 'viewer',
    routes: ['GET /certificates', 'GET /certificates/{id}', 'GET /certificates/{id}/chain', 'GET /unknown-certificates'],
  },
  'certificate:revoke': {
    from: 'operator',
    routes: [
      'POST /certificates/{id}/revoke',
      'POST /orders/{id}/retry-revocation',
      'POST /orders/{id}/close-revocation',
      'POST /unknown-certificates/{id}/revoke',
      'POST /unknown-certificates/{id}/keep',
    ],
  },
  'account:read': { from: 'viewer', routes: ['GET /accounts'] },
  'audit:read': {
    from: 'auditor',
    routes: [
      'GET /audit-events',
      'GET /audit-events/{id}',
      'GET /audit-checkpoints',
      'GET /reports/access',
      'GET /reports/switches',
      'GET /orders/{id}/evidence',
    ],
  },
  'audit:export': { from: 'auditor', onlyWithoutTenant: true, routes: ['GET /audit-export'] },
  'audit-sink:read': { from: 'auditor', onlyWithoutTenant: true, routes: ['GET /audit-sinks', 'GET /audit-sinks/{id}'] },
  'audit-sink:write': {
    from: 'superadmin',
    onlyWithoutTenant: true,
    routes: ['POST /audit-sinks', 'PATCH /audit-sinks/{id}', 'DELETE /audit-sinks/{id}'],
  },
  'message:decode': { from: 'operator', routes: ['POST /decode'] },
  'notification-rule:read': { from: 'viewer', routes: ['GET /notification-rules', 'GET /notification-rules/{id}'] },
  'notification-rule:write': {
    from: 'admin',
    routes: ['POST /notification-rules', 'PATCH /notification-rules/{id}', 'DELETE /notification-rules/{id}'],
  },
  'notification-rule:test': { from: 'operator', routes: ['POST /notification-rules/{id}/test'] },
  'mail:read': { from: 'viewer', routes: ['GET /mails', 'GET /mails/{id}'] },
  'mail:retry': { from: 'operator', routes: ['POST /mails/{id}/retry'] },
  'engine:read': { from: 'viewer', routes: ['GET /engine-cas', 'GET /engine-clients'] },
  'engine:write': {
    from: 'superadmin',
    onlyWithoutTenant: true,
    routes: [
      'POST /engine-cas',
      'POST /engine-cas/{caId}/activate',
      'POST /engine-cas/{caId}/cancel',
      'POST /engine-clients',
      'POST /engine-clients/{id}/rotate-secret',
      'DELETE /engine-clients/{id}',
    ],
  },
  'user:read': { from: 'admin', routes: ['GET /users', 'GET /users/{id}', 'GET /users/{id}/sessions'] },
  'user:write': {
    from: 'admin',
    routes: [
      'POST /users',
      'PATCH /users/{id}',
      'DELETE /users/{id}',
      'POST /users/{id}/reset-password',
      'POST /users/{id}/remove-totp',
      'DELETE /users/{id}/sessions',
      'DELETE /users/{id}/sessions/{sessionId}',
    ],
  },
  'token:read': { from: 'admin', routes: ['GET /tokens', 'GET /tokens/{id}'] },
  'token:write': { from: 'admin', routes: ['POST /tokens', 'DELETE /tokens/{id}'] },
};

/** For users who are signed in, for what is their own; a token has none of it. */
export const ownRoutes: readonly string[] = [
  'PATCH /session',
  'GET /session/all',
  'DELETE /session/all/{id}',
  'POST /session/password',
  'POST /session/totp',
  'POST /session/totp/confirm',
  'POST /session/totp/remove',
];

/** For whoever asks. */
export const publicRoutes: readonly string[] = ['GET /session', 'POST /session', 'DELETE /session', 'GET /session/provider', 'GET /session/provider/callback'];
