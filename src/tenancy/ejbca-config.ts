import { z } from 'zod';
import { connectorTiming, unknownCertificatesSchema } from './connector.js';

/** How the names of end entities are made: a digest of the device identity, or a part of the subject as EJBCA's own aliases do. */
export const usernameSchemes = ['identity', 'dn'] as const;

/** Facts of the client certificate that came with the PFX, for people to look at. */
export const clientCertificateSchema = z.object({
  subject: z.string(),
  issuer: z.string(),
  serial: z.string(),
  notBefore: z.string(),
  notAfter: z.string(),
  sha256: z.string(),
});
export type ClientCertificateFacts = z.infer<typeof clientCertificateSchema>;

const nameInEjbca = z.string().min(1).max(250);
const affix = z
  .string()
  .max(60)
  .regex(/^[^\p{Cc}${}]*$/u, 'Must hold neither control characters nor a placeholder: the name of an end entity must stay the same')
  .default('');

/** Configuration of an `ejbca` connector; key and certificate of the PFX travel apart, as the secret `pfx`. */
export const ejbcaConfigSchema = z
  .object({
    connectorUrl: z.string().min(1).max(500).describe('Where EJBCA asks for client certificates: https://ejbca.example:8443'),
    caName: nameInEjbca.describe('Name of the CA in EJBCA'),
    caUrl: z.string().max(500).optional().describe("EJBCA's public distribution point for chain and CRL, such as http://ejbca.example:8080"),
    endEntityProfile: nameInEjbca,
    certificateProfile: nameInEjbca,
    trustedCa: z.string().max(100_000).optional().describe("PEM of the CA that the server's TLS certificate must chain to"),
    serverName: z.string().min(1).max(253).optional().describe("The name in the server's TLS certificate, where it is not the one in the URL"),
    usernameScheme: z.enum(usernameSchemes).default('identity').describe('identity: a digest of the device identity; dn: a part of the subject'),
    usernameParts: z
      .array(z.string().regex(/^[A-Za-z][A-Za-z0-9]{0,29}$/))
      .min(1)
      .max(8)
      .default(['CN'])
      .describe('Scheme dn: the first of these parts that the subject has; entireDN for all of it'),
    usernamePrefix: affix.describe('Before the name of every end entity'),
    usernamePostfix: affix.describe('Behind the name of every end entity'),
    unknownCertificates: unknownCertificatesSchema,
    clientCertificate: clientCertificateSchema.optional().describe('Read-only: the certificate in the PFX'),
    ...connectorTiming,
  })
  .strict();
export type EjbcaConfig = z.infer<typeof ejbcaConfigSchema>;
