/** The endpoints a measured message arrives at: demo policy, an RA key whose certificate the core's engine issued. */
import { generateKeyPairSync } from 'node:crypto';
import { buildName, type Certificate, createSigner, parseCertificate, publicKeyOf } from '../../src/pkix/index.js';
import { oids } from '../../src/protocol/der/index.js';
import { challengeMac } from '../../src/tenancy/credentials.js';
import type { CmpEndpoint, LoadedRaKey, ScepEndpoint } from '../../src/tenancy/directory.js';
import { policySchema } from '../../src/tenancy/policy.js';
import { atOnce } from '../support/at-once.js';
import { cmpProfile, scepProfile } from '../support/profiles.js';
import type { CaKey } from './floor.js';
import { challengeMacKey, type MemoryCore } from './memory-core.js';

export const challenge = 'benchmark-challenge';

function parsed(der: Buffer): Certificate {
  const certificate = parseCertificate(der);
  if (!certificate.ok) throw certificate.error;
  return certificate.value;
}

function raKeyOf(core: MemoryCore, type: CaKey, chain: readonly Certificate[]): LoadedRaKey {
  const pair = type === 'P-256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('rsa', { modulusLength: 2048 });
  const publicKey = publicKeyOf(pair.privateKey);
  const signed = atOnce(
    core.engine.sign({
      publicKey: publicKey.spki,
      subject: buildName([[oids.commonName, 'Benchmark RA']]).der,
      sans: [],
      keyUsage: type === 'P-256' ? ['digitalSignature'] : ['digitalSignature', 'keyEncipherment'],
      extendedKeyUsage: [],
      validitySeconds: 86_400,
      backdateSeconds: 300,
    }),
  );
  if (!signed.ok) throw new Error(signed.error);
  const certificate = parsed(signed.value.certificate);
  return {
    id: 'ra',
    state: 'active',
    usage: 'both',
    origin: 'generated',
    certificate,
    chain,
    privateKey: pair.privateKey,
    signer: createSigner(pair.privateKey, publicKey),
  };
}

const chainOf = (core: MemoryCore): readonly Certificate[] => core.engine.chain().map(parsed);

export function scepEndpoint(core: MemoryCore): ScepEndpoint {
  const blank = scepProfile();
  const caChain = chainOf(core);
  const profile = { ...blank, challengeMac: challengeMac(challengeMacKey, blank.id, challenge), challengeUpdatedAt: new Date() };
  return { profile, caChain, raKeys: [raKeyOf(core, 'RSA-2048', caChain)] };
}

/** As the demo profile: caPubs on. The RA key signs what is not answered under a MAC. */
export function cmpEndpoint(core: MemoryCore, raKey: CaKey): CmpEndpoint {
  const profile = cmpProfile({ policy: policySchema.parse({ cmp: { caPubs: true } }) });
  const caChain = chainOf(core);
  return { profile, caChain, raKeys: [raKeyOf(core, raKey, caChain)], trustAnchors: [] };
}
