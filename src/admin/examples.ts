/** Requests as somebody would send them, by the name of the schema. Each is sent to a server by a test, with the ids of objects that are there. */
const someId = '0198f2c4-7a10-7d3e-9b52-3f6a1c0e8d47';

export const examples: Readonly<Record<string, readonly object[]>> = {
  NewTenant: [{ name: 'Harbour Logistics', slug: 'harbour' }],
  TenantPatch: [{ name: 'Harbour Logistics Ltd' }],
  NewUser: [{ username: 'maria', displayName: 'Maria Lindqvist', email: 'maria@example.org', roles: ['operator'], tenantIds: [someId] }],
  UserPatch: [{ displayName: 'Maria Lindqvist-Berg' }],
  NewToken: [
    { name: 'deployment', role: 'admin', tenantId: someId, expiresInDays: 30 },
    { name: 'certificate list', role: 'viewer', permissions: ['certificate:read'], expiresInDays: null },
  ],
  NewConnector: [{ type: 'crypto-engine', name: 'Factory CA', description: 'For the devices of the line', tenantId: someId, config: { url: 'embedded:' } }],
  ConnectorPatch: [{ description: 'For the devices of both lines' }],
  NewScepProfile: [
    { name: 'Phones', connectorId: someId, endpointPath: 'phones', challengePassword: 'Tr4nsp0rt-and-L0gistics' },
    { name: 'Routers', connectorId: someId, endpointPath: 'routers', challengeMode: 'one-time', preset: 'cisco' },
  ],
  ScepProfilePatch: [{ status: 'inactive' }],
  MintChallenge: [{ deviceId: 'phone-17', uses: 1 }],
  NewCmpProfile: [{ name: 'Gateways', connectorId: someId, endpointPath: 'gateways', policy: { version: 1, approval: { mode: 'manual' } } }],
  CmpProfilePatch: [{ description: 'Gateways of the line' }],
  MintDeviceSecret: [{ label: 'gateway-3', uses: 1 }],
  BulkStatus: [{ ids: [someId], status: 'active' }],
  NewEngineClient: [{ name: 'Build server', clientId: 'build', scopes: ['ca.read', 'ca.issue'] }],
};
