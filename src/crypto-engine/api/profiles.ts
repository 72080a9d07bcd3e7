import { oids } from '../../protocol/der/index.js';

export interface EngineProfile {
  readonly id: string;
  readonly name: string;
  readonly keyAlgorithms: readonly string[];
  readonly defaultValidityDays: number;
  readonly maxValidityDays: number;
  readonly keyUsage: readonly string[];
  /** Extended key usages that may be asked for. */
  readonly purposes: readonly string[];
  readonly defaultPurposes: readonly string[];
}

const keyAlgorithms = ['RSA-2048', 'RSA-3072', 'RSA-4096', 'P-256', 'P-384', 'P-521', 'Ed25519'];

/**
 * `ra` is apart because cmcRA makes a certificate speak for the CA: a client that passes devices' requests on unread must not
 * get it by accident.
 */
const device = {
  id: 'device',
  name: 'Device',
  keyAlgorithms,
  defaultValidityDays: 365,
  maxValidityDays: 3650,
  keyUsage: ['digitalSignature', 'keyEncipherment'],
  purposes: [oids.serverAuth, oids.clientAuth],
  defaultPurposes: [oids.serverAuth, oids.clientAuth],
};

export const engineProfiles: readonly EngineProfile[] = [
  device,
  { ...device, id: 'ra', name: 'Registration authority', maxValidityDays: 1095, purposes: [...device.purposes, oids.cmcRA], defaultPurposes: [] },
];

export function findProfile(id: string): EngineProfile | undefined {
  return engineProfiles.find((profile) => profile.id === id);
}
