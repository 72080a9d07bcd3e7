import { createEjbcaIssuer, type EjbcaSecrets } from '../../../src/connectors/ejbca/index.js';
import type { Issuer } from '../../../src/enrolment/ports.js';
import { Secret } from '../../../src/runtime/secret.js';
import { type EjbcaConfig, ejbcaConfigSchema } from '../../../src/tenancy/ejbca-config.js';
import type { FakeEjbca } from './index.js';

/** Settings of a connector to the fake. */
export function ejbcaConfig(fake: FakeEjbca, fields: Record<string, unknown> = {}): EjbcaConfig {
  return ejbcaConfigSchema.parse({
    connectorUrl: fake.url,
    caName: 'IssuingCA',
    endEntityProfile: 'Devices',
    certificateProfile: 'DeviceTLS',
    trustedCa: fake.trustedCa,
    timeoutMs: 3_000,
    maxProcessingMs: 500,
    ...fields,
  });
}

export function ejbcaSecrets(fake: FakeEjbca, client: keyof FakeEjbca['identity'] = 'good'): EjbcaSecrets {
  const { key, cert } = fake.identity[client];
  return { pfx: { value: new Secret(`${cert}\n${key}`) } };
}

export function ejbcaIssuer(fake: FakeEjbca, fields: Record<string, unknown> = {}): Issuer {
  return createEjbcaIssuer(ejbcaConfig(fake, fields), ejbcaSecrets(fake), {});
}
