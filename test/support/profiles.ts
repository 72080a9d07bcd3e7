import { uuidv7 } from '../../src/runtime/ids.js';
import { policySchema } from '../../src/tenancy/policy.js';
import type { CmpProfile, ScepProfile } from '../../src/tenancy/profile.js';

const common = () => ({
  id: uuidv7(),
  tenantId: uuidv7(),
  connectorId: uuidv7(),
  name: 'Plant 7',
  endpointPath: 'plant-7',
  legacyPaths: [],
  description: '',
  status: 'active' as const,
  policy: policySchema.parse({}),
  overrides: {},
  version: 1,
  createdAt: new Date('2026-01-01T00:00:00Z'),
  updatedAt: new Date('2026-01-01T00:00:00Z'),
});

/** An active SCEP profile with default policy. */
export function scepProfile(fields: Partial<ScepProfile> = {}): ScepProfile {
  return { ...common(), protocol: 'scep', publicBaseUrl: null, challengeMode: 'static', challengeMac: null, challengeUpdatedAt: null, ...fields };
}

/** An active CMP profile with default policy. */
export function cmpProfile(fields: Partial<CmpProfile> = {}): CmpProfile {
  return { ...common(), protocol: 'cmp', javaBaseUrl: null, isDefault: false, ...fields };
}
