import { isIP } from 'node:net';
import { z } from 'zod';
import { nameFromText, shortNames } from '../pkix/index.js';
import { centralKeysSchema, encryptionKeysSchema, possessionSchema } from './cmp-keys.js';
import { lockOutSchema, rateLimitSchema } from './cmp-limits.js';
import { crossCertificationSchema, generalMessagesSchema, revocationSchema } from './cmp-services.js';
import { registrationAuthoritySchema } from './registration-authority.js';
import { renewalAnchorSchema } from './renewal-anchor.js';

/** What a profile allows. One published schema for API, console and CLI; an absent policy is `policySchema.parse({ version: 1 })`. */
export const curveNames = ['P-256', 'P-384', 'P-521'] as const;
export const sanTypes = ['dns', 'ip', 'email', 'uri', 'other'] as const;
export const keyUsages = ['digitalSignature', 'nonRepudiation', 'keyEncipherment', 'dataEncipherment', 'keyAgreement'] as const;
export const extendedKeyUsages = ['serverAuth', 'clientAuth'] as const;
export const digests = ['sha1', 'sha256', 'sha384', 'sha512'] as const;
export const contentCiphers = ['aes128-cbc', 'aes192-cbc', 'aes256-cbc', 'aes128-gcm', 'aes256-gcm', 'des-ede3-cbc'] as const;
export const certificateReaders = ['off', 'holder', 'public'] as const;
export const duplicatePolicies = ['allow', 'replace', 'refuse', 'manual'] as const;
export const cmpConducts = ['standard', 'strict', 'compat', '3gpp'] as const;
export const subjectBindings = ['none', 'reference', 'signer'] as const;
export const vendorDeviceRules = ['listed', 'any'] as const;
export const registrationTokenRules = ['ignore', 'check', 'demand'] as const;
export const kemAnswerRules = ['off', 'offered', 'demanded'] as const;
export const cmpMacs = ['pbm', 'pbmac1'] as const;
export const cmpSignatures = ['rsa', 'rsa-pss', 'ecdsa', 'ed25519', 'ed448', 'ml-dsa'] as const;
export const cmpSignatureDigests = ['sha224', 'sha256', 'sha384', 'sha512'] as const;

const keysSchema = z
  .object({
    rsaMinBits: z.int().min(2048).max(8192).default(2048).describe('Smallest RSA modulus, in bits'),
    rsaMaxBits: z.int().min(2048).max(8192).default(4096).describe('Largest RSA modulus, in bits'),
    curves: z
      .array(z.enum(curveNames))
      .default([...curveNames])
      .describe('EC curves'),
    ed25519: z.boolean().default(true).describe('Ed25519 keys (CMP only)'),
    postQuantum: z.boolean().default(false).describe('Experimental: ML-DSA and ML-KEM keys (CMP only, and a CA that certifies them)'),
    reuse: z.enum(['allow', 'refuse']).default('allow').describe('Whether a renewal may keep its key'),
    sharing: z
      .enum(['allow', 'refuse'])
      .default('allow')
      .describe('Whether a key that was certified for one name may be certified for another; counts from when it is refused'),
  })
  .strict();

const attributeNames = Object.values(shortNames);
const templateSources: readonly string[] = [...attributeNames, 'dns', 'ip', 'email', 'reference', 'deviceId'];
const patterns = z.array(z.string().min(1).max(255)).max(100);

function isTemplate(text: string): boolean {
  const name = nameFromText(text);
  const sources = [...text.matchAll(/\{([^}]*)\}/g)].map(([, source = '']) => source);
  return name.ok && name.value.rdns.length > 0 && sources.every((source) => templateSources.includes(source));
}

function isAddressRange(text: string): boolean {
  const [address = '', prefix, ...more] = text.split('/');
  const family = isIP(address);
  const isPrefix = prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128));
  return family !== 0 && isPrefix && more.length === 0;
}

const subjectRulesSchema = z
  .object({
    template: z
      .string()
      .max(500)
      .refine(isTemplate, 'Must be a name like CN={CN},O=Acme; between braces: an attribute of the request, dns, ip, email, reference or deviceId')
      .nullable()
      .default(null)
      .describe('Makes the subject of what is known of the device, such as CN={CN},O=Acme; null: as requested'),
    allow: z
      .strictObject(Object.fromEntries(attributeNames.map((name) => [name, patterns.optional()])))
      .nullable()
      .default(null)
      .describe('By attribute, what the certified subject may say; * stands for any text, an attribute that is not named may not be there; null: anything'),
  })
  .strict();

const sanRulesSchema = z
  .object({
    dns: patterns.nullable().default(null).describe('DNS names that may be certified; * stands for any text, as in *.plant.example; null: any'),
    ip: z
      .array(z.string().max(60).refine(isAddressRange, 'Must be an address or a range like 192.0.2.0/24'))
      .max(100)
      .nullable()
      .default(null)
      .describe('Addresses and ranges that may be certified; null: any'),
    email: patterns.nullable().default(null).describe('Mail addresses that may be certified, such as *@plant.example; null: any'),
    uri: patterns.nullable().default(null).describe('URIs that may be certified; null: any'),
    wildcards: z.boolean().default(true).describe('Whether DNS names like *.plant.example may be certified'),
  })
  .strict();

const namesSchema = z
  .object({
    sanTypes: z.array(z.enum(sanTypes)).default(['dns', 'ip']).describe('Kinds of subjectAltName that may be requested'),
    maxSans: z.int().min(0).max(1000).default(100).describe('Most subjectAltNames one certificate may have'),
    subjectBinding: z.enum(subjectBindings).default('none').describe('What the requested subject must agree with'),
    subject: subjectRulesSchema.prefault({}),
    sans: sanRulesSchema.prefault({}),
  })
  .strict();

const certificateSchema = z
  .object({
    validityDays: z.int().min(1).max(3650).default(365).describe('Longest validity, in days'),
    backdateSeconds: z.int().min(0).max(86_400).default(300).describe('How far notBefore lies in the past, in seconds'),
    keyUsage: z
      .array(z.enum(keyUsages))
      .default(['digitalSignature', 'keyEncipherment'])
      .describe('keyUsage; keyEncipherment is left out for EC and Ed25519 keys'),
    extendedKeyUsage: z.array(z.enum(extendedKeyUsages)).default(['serverAuth', 'clientAuth']).describe('extKeyUsage'),
  })
  .strict();

const renewalSchema = z
  .object({
    windowDays: z.int().min(1).max(3650).nullable().default(null).describe('Days before expiry from which renewal is allowed; null: any time'),
    graceDays: z.int().min(0).max(365).default(0).describe('Days after expiry during which renewal is still allowed'),
    requireChallenge: z.boolean().default(false).describe('Whether a renewal must also carry a valid challenge (SCEP); in mode intune it always must'),
    reauthenticateDays: z
      .int()
      .min(1)
      .max(36_500)
      .nullable()
      .default(null)
      .describe('Days after which a certificate alone renews no longer: the device shows a challenge or secret again; null: never'),
  })
  .strict();

const approvalSchema = z
  .object({
    mode: z.enum(['automatic', 'manual']).default('automatic').describe('Whether an administrator approves each order'),
    approvers: z
      .int()
      .min(1)
      .max(5)
      .default(1)
      .describe('How many different people have to approve an order; above 1 only users who are signed in count, no tokens'),
    notEditors: z.boolean().default(false).describe('Whether those who made or changed the profile cannot approve its orders'),
    maxPendingHours: z.int().min(1).max(8760).default(168).describe('Longest time an order may stay open, in hours'),
    maxPending: z
      .int()
      .min(1)
      .max(10_000)
      .nullable()
      .default(10_000)
      .describe('Most orders that may wait for an administrator, further devices are told to come back; null: any number'),
  })
  .strict();

const scepSchema = z
  .object({
    digests: z.array(z.enum(digests)).min(1).default(['sha256', 'sha384', 'sha512']).describe('Digests accepted from clients'),
    ciphers: z.array(z.enum(contentCiphers)).min(1).default(['aes128-cbc', 'aes192-cbc', 'aes256-cbc']).describe('Content ciphers accepted from clients'),
    renewal: z.boolean().default(true).describe('Whether RenewalReq is served'),
    includeRoot: z.boolean().default(true).describe('Whether GetCACert shows the root'),
    failInfoText: z.boolean().default(true).describe('Whether failures carry a text'),
    getCert: z.enum(certificateReaders).default('holder').describe('Who may fetch an issued certificate by GetCert'),
    getCrl: z.boolean().default(true).describe('Whether GetCRL is served, where the CA gives a CRL'),
    chainInReply: z.boolean().default(false).describe('Whether the answer holds the CA certificates behind the issued one; Apple and Juniper want it alone'),
    signingTimeToleranceHours: z
      .int()
      .min(24)
      .max(87_600)
      .nullable()
      .default(null)
      .describe('Largest difference of a signingTime from our clock, in hours; null: not checked'),
    renewalAnchors: z
      .array(renewalAnchorSchema)
      .max(10)
      .default([])
      .describe('CAs that issued certificates before this profile did, and whose devices may renew here without a challenge'),
    raKeys: z
      .enum(['one', 'two'])
      .default('one')
      .describe('One RA key that signs answers and that requests are encrypted to, or one for each; two suit devices that tell them apart by keyUsage'),
    passwordRecipients: z
      .boolean()
      .default(false)
      .describe('Whether clients with EC keys get answers encrypted under their challenge, which whoever reads the answer can try to guess'),
  })
  .strict();

const cmpSchema = z
  .object({
    protection: z
      .array(z.enum(['mac', 'signature']))
      .min(1)
      .default(['mac', 'signature'])
      .describe('Kinds of message protection accepted'),
    macs: z
      .array(z.enum(cmpMacs))
      .min(1)
      .default([...cmpMacs])
      .describe('Password-based MACs accepted: PasswordBasedMac and PBMAC1'),
    signatures: z
      .array(z.enum(cmpSignatures))
      .min(1)
      .default(['rsa', 'rsa-pss', 'ecdsa', 'ed25519', 'ed448'])
      .describe('Signatures accepted as message protection; ml-dsa is experimental'),
    signatureDigests: z
      .array(z.enum(cmpSignatureDigests))
      .min(1)
      .default([...cmpSignatureDigests])
      .describe('Digests of RSA and ECDSA signatures accepted as message protection; MD5 and SHA-1 never are'),
    kemBasedMac: z.boolean().default(false).describe('Experimental: whether devices with an ML-KEM certificate may protect messages by KemBasedMac'),
    kemAnswers: z
      .enum(kemAnswerRules)
      .default('off')
      .describe(
        'Experimental: whether answers stand under KemBasedMac where the request brings a cipher text for the key ML-KEM-768 of the RA; demanded: it must',
      ),
    dhBasedMac: z
      .boolean()
      .default(false)
      .describe('Whether devices with a P-256 certificate for key agreement may protect messages by DHBasedMac with the encryption key P-256 of the RA'),
    encryptionKeys: encryptionKeysSchema,
    hmacSha1: z.boolean().default(true).describe('Whether HMAC-SHA1 is accepted as the MAC of PasswordBasedMac (the default of OpenSSL 3.0)'),
    minIterations: z.int().min(100).max(100_000).default(100).describe('Fewest iterations of PasswordBasedMac'),
    maxIterations: z.int().min(100).max(100_000).default(100_000).describe('Most iterations of PasswordBasedMac'),
    implicitConfirm: z.boolean().default(true).describe('Whether implicit confirmation is granted when asked for'),
    confirmWaitSeconds: z.int().min(10).max(86_400).default(600).describe('How long certConf is waited for, in seconds'),
    caPubs: z.boolean().default(false).describe('Whether ip carries the CA certificates in caPubs'),
    messageTimeWindowSeconds: z.int().min(0).max(86_400).default(300).describe('Largest difference of messageTime, in seconds; 0: not checked'),
    trustAnchors: z
      .array(z.string())
      .max(20)
      .default([])
      .describe("PEM certificates of vendors' CAs, whose devices may ask for their first certificate by signature"),
    vendorDevices: z
      .enum(vendorDeviceRules)
      .default('listed')
      .describe("Which devices below the trust anchors may enrol: those on the profile's list, or any the vendor ever certified"),
    renewalAnchors: z
      .array(renewalAnchorSchema)
      .max(10)
      .default([])
      .describe('CAs that issued certificates before this profile did, and whose devices may renew them here by kur'),
    crlUrls: z
      .array(z.url({ protocol: /^https?$/ }).max(500))
      .max(20)
      .default([])
      .describe("Where the CRLs of the vendors' CAs are; with any given, every certificate of a chain is looked for"),
    crlMissing: z.enum(['refuse', 'accept']).default('refuse').describe('What to do where no CRL in force speaks of a certificate'),
    unconfirmed: z
      .enum(['revoke', 'keep'])
      .default('revoke')
      .describe('What becomes of a certificate that its device refused or did not confirm in time: revoked at the CA, or only noted'),
    severalRequests: z.boolean().default(false).describe('Whether one ir or cr may ask for several certificates (up to 20)'),
    conduct: z
      .enum(cmpConducts)
      .default('standard')
      .describe('standard: RFC 9483; strict: also demands what it only recommends; compat: forgives what older clients do; 3gpp: as base stations speak'),
    registrationTokens: z
      .enum(registrationTokenRules)
      .default('ignore')
      .describe('regToken and authenticator in requests: passed over, held against the tokens minted for the profile, or demanded of every ir'),
    rateLimit: rateLimitSchema.prefault({}),
    lockOut: lockOutSchema.prefault({}),
    centralKeys: centralKeysSchema.prefault({}),
    possession: possessionSchema.prefault({}),
    revocation: revocationSchema.prefault({}),
    generalMessages: generalMessagesSchema.prefault({}),
    crossCertification: crossCertificationSchema.prefault({}),
    registrationAuthorities: z.array(registrationAuthoritySchema).max(20).default([]).describe('RAs that may forward and speak for devices'),
  })
  .strict();

export const policySchema = z
  .object({
    version: z.literal(1).default(1),
    keys: keysSchema.prefault({}),
    names: namesSchema.prefault({}),
    certificate: certificateSchema.prefault({}),
    renewal: renewalSchema.prefault({}),
    approval: approvalSchema.prefault({}),
    duplicates: z
      .enum(duplicatePolicies)
      .default('allow')
      .describe(
        'A first enrolment of a device that holds a valid certificate: issue another, replace (revokes the older), refuse, or wait for an administrator',
      ),
    scep: scepSchema.prefault({}),
    cmp: cmpSchema.prefault({}),
  })
  .strict();

export type Policy = z.infer<typeof policySchema>;
export const defaultPolicy: Policy = policySchema.parse({});
