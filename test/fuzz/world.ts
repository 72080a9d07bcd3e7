import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Certificate, createSigner, fromPem, parseCertificate, publicKeyOf, type Signer, toPem } from '../../src/pkix/index.js';
import { challengeMac } from '../../src/tenancy/credentials.js';
import type { CmpEndpoint, LoadedRaKey, ScepEndpoint } from '../../src/tenancy/directory.js';
import { policySchema } from '../../src/tenancy/policy.js';
import { cmpProfile, scepProfile } from '../support/profiles.js';

/** The moment the seed messages were made at, and at which the fuzzer's clock stands. */
export const seedTime = new Date('2026-06-01T12:00:00Z');
export const challengeMacKey = Buffer.alloc(32, 7);

const root = join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(root, 'fixtures/fuzz', file), 'utf8');

export interface Identity {
  readonly certificate: Certificate;
  readonly privateKey: KeyObject;
  readonly signer: Signer;
}

function identity(name: string): Identity {
  const parsed = parseCertificate(fromPem('CERTIFICATE', read(`${name}.crt.pem`))[0] ?? Buffer.alloc(0));
  if (!parsed.ok) throw parsed.error;
  const privateKey = createPrivateKey(read(`${name}.key.pem`));
  return { certificate: parsed.value, privateKey, signer: createSigner(privateKey, publicKeyOf(privateKey)) };
}

export interface Secrets {
  readonly challenge: string;
  readonly reference: string;
  readonly secret: string;
}

/** What the committed messages were made with and for. */
export interface World {
  readonly ca: Identity;
  readonly ra: Identity;
  /** RSA; asks by SCEP. */
  readonly device: Identity;
  /** EC; has a certificate and signs CMP messages. */
  readonly member: Identity;
  readonly secrets: Secrets;
  readonly scep: ScepEndpoint;
  readonly cmp: CmpEndpoint;
}

export function loadWorld(): World {
  const [ca, ra, device, member] = [identity('ca'), identity('ra'), identity('device'), identity('member')] as const;
  const secrets = JSON.parse(readFileSync(join(root, 'test/fuzz/secrets.json'), 'utf8')) as Secrets;
  const raKey: LoadedRaKey = { id: 'ra', state: 'active', usage: 'both', origin: 'generated', chain: [ca.certificate], ...ra };
  const common = { raKeys: [raKey], caChain: [ca.certificate] };
  // Iterations within what the profile allows are wanted work, not a slow decoder: few, so that 100 ms mean something.
  const cmp = { maxIterations: 5_000, messageTimeWindowSeconds: 0, trustAnchors: [toPem('CERTIFICATE', ca.certificate.der)], vendorDevices: 'any' };
  const scep = { digests: ['sha1', 'sha256', 'sha384', 'sha512'], ciphers: ['aes128-cbc', 'aes256-cbc', 'des-ede3-cbc'] };
  const names = { sanTypes: ['dns', 'ip', 'email', 'uri', 'other'] };
  const blank = scepProfile({ policy: policySchema.parse({ names, scep }) });
  const profile = { ...blank, challengeMac: challengeMac(challengeMacKey, blank.id, secrets.challenge), challengeUpdatedAt: seedTime };
  return {
    ca,
    ra,
    device,
    member,
    secrets,
    scep: { ...common, profile },
    cmp: { ...common, profile: cmpProfile({ policy: policySchema.parse({ names, cmp }) }), trustAnchors: [ca.certificate] },
  };
}
