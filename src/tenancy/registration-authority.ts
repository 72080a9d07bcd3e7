import { z } from 'zod';
import { fromPem, parseCertificate } from '../pkix/index.js';

/**
 * What a registered RA may do: `nest` sends nested messages (added protection, batches); `enrol` asks on behalf of devices, replacing
 * their protection by its own; `raVerified` vouches for possession of a key; `revoke` has certificates of others revoked.
 */
export const registrationAuthorityRights = ['nest', 'enrol', 'raVerified', 'revoke'] as const;
export type RegistrationAuthorityRight = (typeof registrationAuthorityRights)[number];

function isOneCertificate(pem: string): boolean {
  const [der, ...further] = fromPem('CERTIFICATE', pem);
  return der !== undefined && further.length === 0 && parseCertificate(der).ok;
}

export const registrationAuthoritySchema = z.strictObject({
  certificate: z
    .string()
    .max(20_000)
    .refine(isOneCertificate, 'Must be one certificate in PEM')
    .describe("PEM: the RA's certificate; or a CA, and then every certificate of it with the purpose cmcRA counts"),
  rights: z
    .array(z.enum(registrationAuthorityRights))
    .min(1)
    .default(['nest', 'enrol', 'raVerified'])
    .describe('nest: nested messages; enrol: asks on behalf of devices; raVerified: vouches for possession of a key; revoke: revokes certificates of others'),
});
