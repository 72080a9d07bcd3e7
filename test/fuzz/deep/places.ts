import type { z } from 'zod';
import type { IssuedCertificate } from '../../../src/enrolment/ports.js';
import { type Certificate, certificateFingerprint, nameToText, serialHex, toPem } from '../../../src/pkix/index.js';
import type { MintedChallenge, NewChallenge } from '../../../src/tenancy/challenge.js';
import { challengeMac } from '../../../src/tenancy/credentials.js';
import type { CmpEndpoint, ScepEndpoint } from '../../../src/tenancy/directory.js';
import { policySchema } from '../../../src/tenancy/policy.js';
import type { CmpProfile, ScepProfile } from '../../../src/tenancy/profile.js';
import { cmpProfile, scepProfile } from '../../support/profiles.js';
import { challengeMacKey, seedTime, type World } from '../world.js';
import type { Encryption } from './encryption.js';
import type { PoolKey } from './pool.js';

type PolicyInput = z.input<typeof policySchema>;

/** A profile that is asked for certificates, with what the re-check must know of it. */
export interface Place {
  readonly name: string;
  readonly endpoint: ScepEndpoint;
  /** The static challenge; undefined where there is none. */
  readonly challenge: string | undefined;
  readonly minted: readonly Minted[];
  /** Certificates that may renew here, or may not. */
  readonly issuedBefore: readonly IssuedCertificate[];
}

export interface Minted {
  readonly text: string;
  readonly row: NewChallenge;
}

interface Sketch {
  readonly policy: PolicyInput;
  readonly mode?: ScepProfile['challengeMode'];
}

const allSans = ['dns', 'ip', 'email', 'uri', 'other'] as const;
const allCiphers = ['aes128-cbc', 'aes192-cbc', 'aes256-cbc', 'aes128-gcm', 'aes256-gcm', 'des-ede3-cbc'] as const;

/** Profiles as unlike as can be: each rule of the policy is set in one of them at least. */
const sketches: Readonly<Record<string, Sketch>> = {
  open: {
    policy: {
      names: { sanTypes: [...allSans] },
      scep: { digests: ['sha1', 'sha256', 'sha384', 'sha512'], ciphers: [...allCiphers], passwordRecipients: false },
    },
  },
  strict: {
    policy: {
      keys: { rsaMinBits: 2048, rsaMaxBits: 3072, curves: ['P-384'] },
      names: { sanTypes: ['dns'], maxSans: 3, subject: { allow: { CN: ['dev-*'], O: ['Acme'] } }, sans: { dns: ['*.plant.example'], wildcards: false } },
      certificate: { validityDays: 30, backdateSeconds: 60, keyUsage: ['digitalSignature'], extendedKeyUsage: ['clientAuth'] },
    },
  },
  template: {
    policy: {
      names: {
        sanTypes: ['dns', 'ip', 'email', 'uri'],
        subject: { template: 'CN={CN},O=Acme' },
        sans: { ip: ['192.0.2.0/24', '2001:db8::/32'], email: ['*@plant.example'], uri: ['urn:*'] },
      },
    },
  },
  minted: { mode: 'one-time', policy: { names: { sanTypes: ['dns', 'ip'] } } },
  renewals: { policy: { keys: { reuse: 'refuse' }, renewal: { windowDays: 250 } } },
  manual: { policy: { approval: { mode: 'manual' } } },
  anyone: { mode: 'none', policy: { names: { maxSans: 1 }, certificate: { extendedKeyUsage: ['serverAuth'] } } },
  large: { policy: { keys: { rsaMinBits: 3072, curves: [] }, names: { sanTypes: [], maxSans: 0 } } },
};

const mintedTexts = ['MintedForAnyDeviceAtAll0001', 'MintedForOneNameOnly0000002', 'MintedForASingleUse00000003', 'MintedLongAgoAndExpired0004'];

function mintedFor(profileId: string): readonly Minted[] {
  const blank = { profileId, subject: null, sans: null, deviceId: null, maxUses: 1_000_000, expiresAt: new Date('2027-06-01T00:00:00Z') };
  const bindings: readonly Partial<MintedChallenge>[] = [
    {},
    { subject: 'CN=dev-*,O=Acme', sans: ['dns:dev-1.plant.example', 'ip:192.0.2.1'], deviceId: 'device-1' },
    { maxUses: 1 },
    { expiresAt: new Date('2026-05-01T00:00:00Z') },
  ];
  return bindings.map((binding, index) => {
    const text = mintedTexts[index] as string;
    return { text, row: { ...blank, ...binding, id: `minted-${index}`, mac: challengeMac(challengeMacKey, profileId, text) } };
  });
}

/** A CMP profile that is asked for certificates. */
export interface CmpPlace {
  readonly name: string;
  readonly endpoint: CmpEndpoint;
  readonly issuedBefore: readonly IssuedCertificate[];
  /** The key of the RA that the profile knows, if it knows one. */
  readonly registrationAuthority?: PoolKey;
}

/** What rests on the encryption keys of the RA. */
const agreedRules = { dhBasedMac: true, possession: { agreeMac: true, encryptedCertificate: true }, revocation: { passphrases: true } } as const;

/** What CMP adds to the sketches of the same name, and places that only CMP has. */
const cmpSketches: Readonly<
  Record<string, { readonly sketch: keyof typeof sketches; readonly more?: Omit<PolicyInput, 'cmp'>; readonly cmp?: PolicyInput['cmp'] }>
> = {
  open: { sketch: 'open', cmp: { severalRequests: true, possession: { encryptedCertificate: true } } },
  strict: { sketch: 'strict', cmp: { conduct: 'strict' } },
  template: { sketch: 'template', cmp: { conduct: 'compat' } },
  renewals: { sketch: 'renewals', cmp: { protection: ['signature'], conduct: '3gpp' } },
  manual: { sketch: 'manual' },
  large: { sketch: 'large' },
  bound: { sketch: 'open', more: { names: { sanTypes: ['dns', 'ip'], subjectBinding: 'signer' } } },
  authority: { sketch: 'open' },
  agreed: { sketch: 'open', cmp: { ...agreedRules, kemAnswers: 'offered' } },
  demanding: { sketch: 'open', cmp: { ...agreedRules, kemAnswers: 'demanded', possession: { agreeMac: true } } },
};

/** Where the RA has encryption keys. */
export const agreedPlaces: readonly string[] = ['agreed', 'demanding'];

/** The key whose certificate is the RA of the place `authority`. */
const authorityKey = 'p-521';

/** Iterations within what the profile allows are wanted work, not a slow decoder: few, so that 100 ms mean something. */
const cmpBounds = { maxIterations: 5_000, messageTimeWindowSeconds: 0, vendorDevices: 'any' } as const;

export function createCmpPlaces(world: World, pool: readonly PoolKey[], { keys, agreeing }: Pick<Encryption, 'keys' | 'agreeing'>): readonly CmpPlace[] {
  const { raKeys, caChain, trustAnchors } = world.cmp;
  const known = pool.find(({ name }) => name === authorityKey);
  const holders = [...pool.map(({ certificate }) => certificate), world.member.certificate, agreeing.certificate];
  return Object.entries(cmpSketches).map(([name, { sketch, more, cmp = {} }]) => {
    const registrationAuthority = name === 'authority' ? known : undefined;
    const anchors = { trustAnchors: [toPem('CERTIFICATE', world.ca.certificate.der)] };
    const authorities = registrationAuthority && {
      registrationAuthorities: [
        { certificate: toPem('CERTIFICATE', registrationAuthority.certificate.der), rights: ['nest' as const, 'enrol' as const, 'raVerified' as const] },
      ],
    };
    const policy = policySchema.parse({ ...sketches[sketch]?.policy, ...more, cmp: { ...cmpBounds, ...anchors, ...authorities, ...cmp } });
    const profile = cmpProfile({ policy });
    const issuedBefore = holders.map((certificate, index) => certificateOf(profile, certificate, index));
    const encryptionKeys = agreedPlaces.includes(name) ? { encryptionKeys: keys } : {};
    return {
      name,
      endpoint: { profile, raKeys, caChain, trustAnchors, ...encryptionKeys },
      issuedBefore,
      ...(registrationAuthority && { registrationAuthority }),
    };
  });
}

const fates: readonly IssuedCertificate['status'][] = ['valid', 'valid', 'revoked', 'superseded'];

function certificateOf(profile: ScepProfile | CmpProfile, certificate: Certificate, index: number): IssuedCertificate {
  return {
    id: `before-${index}`,
    tenantId: profile.tenantId,
    // One in five was issued through another profile.
    profileId: index % 5 === 4 ? 'another' : profile.id,
    orderId: null,
    connectorId: profile.connectorId,
    der: certificate.der,
    issuer: nameToText(certificate.issuer),
    serial: serialHex(certificate.serial),
    subject: nameToText(certificate.subject),
    sans: [],
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
    sha256: certificateFingerprint(certificate.der),
    status: fates[index % fates.length] ?? 'valid',
  };
}

export function createPlaces(world: World, pool: readonly PoolKey[]): readonly Place[] {
  const { raKeys, caChain } = world.scep;
  return Object.entries(sketches).map(([name, { policy, mode = 'static' }]) => {
    const blank = scepProfile({ challengeMode: mode, policy: policySchema.parse(policy) });
    const challenge = mode === 'static' ? `${world.secrets.challenge}-${name}` : undefined;
    const mac = challenge === undefined ? null : challengeMac(challengeMacKey, blank.id, challenge);
    const profile = { ...blank, challengeMac: mac, challengeUpdatedAt: seedTime };
    return {
      name,
      challenge,
      endpoint: { profile, raKeys, caChain },
      minted: name === 'minted' || name === 'open' ? mintedFor(profile.id) : [],
      issuedBefore: pool.map(({ certificate }, index) => certificateOf(profile, certificate, index)),
    };
  });
}
