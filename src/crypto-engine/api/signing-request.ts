import { z } from 'zod';
import {
  type CertificationRequest,
  dnsName,
  emptyName,
  extendedKeyUsageOf,
  fromPem,
  ipName,
  keyUsageOf,
  type Name,
  nameFromText,
  type PublicKey,
  parseCsr,
  parsePublicKey,
  subjectAltNames,
  uriName,
  verifyCsr,
} from '../../pkix/index.js';
import { contextConstructed, der, encode } from '../../protocol/der/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import type { SigningRequest } from '../ports.js';
import { type EngineProblem, engineProblem } from './problem.js';
import { type EngineProfile, findProfile } from './profiles.js';

const alternativeName = z.object({ type: z.enum(['dns', 'ip', 'email', 'uri', 'dirName', 'upn', 'otherName']), value: z.string().min(1).max(4096) });

/** The body of an issue call; subject and alternative names that are absent come from the CSR, present ones replace it. */
export const issueBodySchema = z.object({
  csr: z.string().max(100_000).optional(),
  publicKey: z.string().max(20_000).optional(),
  profileId: z.string().default('device'),
  subject: z.string().max(4096).optional(),
  subjectAltNames: z.array(alternativeName).max(100).optional(),
  notBefore: z.iso.datetime().optional(),
  notAfter: z.iso.datetime().optional(),
});
export type IssueBody = z.infer<typeof issueBodySchema>;

export interface ReadRequest {
  readonly profile: EngineProfile;
  readonly request: SigningRequest;
}

const userPrincipalName = '1.3.6.1.4.1.311.20.2.3';
const daySeconds = 86_400;
const maxBackdateSeconds = 31 * daySeconds;
const defaultBackdateSeconds = 300;

/** What the engine is to sign. A bare public key comes without proof of possession: the registration authority vouches for it. */
export function readSigningRequest(body: IssueBody, now: Date): Result<ReadRequest, EngineProblem> {
  const profile = findProfile(body.profileId);
  if (profile === undefined) return fail(engineProblem('profile-not-found', `There is no profile "${body.profileId}".`));
  if ((body.csr === undefined) === (body.publicKey === undefined)) return fail(engineProblem('invalid-request', 'Exactly one of csr and publicKey is needed.'));
  const csr = body.csr === undefined ? ok(undefined) : readCsr(body.csr);
  if (!csr.ok) return csr;
  const publicKey = csr.value === undefined ? readPublicKey(body.publicKey ?? '') : ok(csr.value.publicKey);
  if (!publicKey.ok) return publicKey;
  const keyFault = weaknessOf(publicKey.value);
  if (keyFault !== undefined) return fail(engineProblem('key-not-allowed', keyFault));
  const subject = readSubject(body, csr.value);
  if (!subject.ok) return subject;
  const sans = readAlternativeNames(body, csr.value);
  if (!sans.ok) return sans;
  if (subject.value.rdns.length === 0 && sans.value.length === 0)
    return fail(engineProblem('policy-violation', 'Neither subject nor alternative name is given.'));
  const validity = readValidity(body, profile, now);
  if (!validity.ok) return validity;
  const names = { publicKey: publicKey.value.spki, subject: subject.value.der, sans: sans.value };
  return ok({ profile, request: { ...names, ...usagesOf(profile, csr.value), ...validity.value } });
}

function readCsr(pem: string): Result<CertificationRequest, EngineProblem> {
  const [bytes] = [...fromPem('CERTIFICATE REQUEST', pem), ...fromPem('NEW CERTIFICATE REQUEST', pem)];
  const csr = bytes === undefined ? undefined : parseCsr(bytes);
  if (!csr?.ok) return fail(engineProblem('csr-invalid'));
  return verifyCsr(csr.value).ok ? csr : fail(engineProblem('pop-failed'));
}

function readPublicKey(pem: string): Result<PublicKey, EngineProblem> {
  const [bytes] = fromPem('PUBLIC KEY', pem);
  const key = bytes === undefined ? undefined : parsePublicKey(bytes);
  return key?.ok ? key : fail(engineProblem('invalid-request', 'publicKey is no PEM public key.'));
}

function weaknessOf(key: PublicKey): string | undefined {
  if (key.type === 'other') return `Keys of type ${key.name} are not certified.`;
  if (key.type === 'rsa' && key.size < 2048) return 'RSA keys need 2048 bits or more.';
  return key.isUsable ? undefined : 'The public key is malformed.';
}

function readSubject(body: IssueBody, csr: CertificationRequest | undefined): Result<Name, EngineProblem> {
  if (body.subject === undefined) return ok(csr?.subject ?? emptyName);
  const name = nameFromText(body.subject);
  return name.ok ? name : fail(engineProblem('invalid-request', name.error));
}

function readAlternativeNames(body: IssueBody, csr: CertificationRequest | undefined): Result<readonly Buffer[], EngineProblem> {
  if (body.subjectAltNames === undefined) {
    const names = subjectAltNames(csr?.extensions ?? []);
    return names.ok ? ok(names.value.map((name) => name.der)) : fail(engineProblem('csr-invalid'));
  }
  try {
    return ok(body.subjectAltNames.map(generalName));
  } catch (error) {
    return fail(engineProblem('invalid-request', error instanceof Error ? error.message : 'subjectAltNames'));
  }
}

/** Throws with what is wrong, for people. */
function generalName({ type, value }: z.infer<typeof alternativeName>): Buffer {
  switch (type) {
    case 'dns':
      return dnsName(value).der;
    case 'ip':
      return ipName(value).der;
    case 'email':
      return der.implicitPrimitive(1, Buffer.from(value, 'latin1'));
    case 'uri':
      return uriName(value).der;
    case 'dirName': {
      const name = nameFromText(value);
      if (!name.ok) throw new Error(name.error);
      return encode(der.explicit(4, name.value.der));
    }
    case 'upn':
      return encode(der.constructed(contextConstructed(0), der.oid(userPrincipalName), der.explicit(0, der.utf8String(value))));
    case 'otherName':
      return otherName(value);
  }
}

/** The whole GeneralName in base64. */
function otherName(value: string): Buffer {
  const bytes = Buffer.from(value, 'base64');
  const names = subjectAltNames([{ oid: '2.5.29.17', critical: false, value: encode(der.sequence(bytes)) }]);
  if (!names.ok || names.value.length !== 1) throw new Error('An otherName is no GeneralName.');
  return bytes;
}

function readValidity(body: IssueBody, profile: EngineProfile, now: Date): Result<Pick<SigningRequest, 'validitySeconds' | 'backdateSeconds'>, EngineProblem> {
  // The certificate counts from the moment it is signed and cuts to whole seconds: half a second more, and they are the ones asked for.
  const seconds = (text: string) => (Math.floor(Date.parse(text) / 1000) * 1000 + 500 - now.getTime()) / 1000;
  const validitySeconds = body.notAfter === undefined ? profile.defaultValidityDays * daySeconds : seconds(body.notAfter);
  const backdateSeconds = body.notBefore === undefined ? defaultBackdateSeconds : -seconds(body.notBefore);
  if (validitySeconds <= 0.5) return fail(engineProblem('validity-not-allowed', 'notAfter lies in the past.'));
  if (validitySeconds > profile.maxValidityDays * daySeconds + 1) {
    return fail(engineProblem('validity-not-allowed', `The profile allows ${profile.maxValidityDays} days.`));
  }
  if (backdateSeconds < -daySeconds || backdateSeconds > maxBackdateSeconds) {
    return fail(engineProblem('validity-not-allowed', 'notBefore must lie within the last 31 days.'));
  }
  return ok({ validitySeconds, backdateSeconds: Math.max(0, backdateSeconds) });
}

/** What the CSR asks for as far as the profile allows it, the profile's own usages otherwise. */
function usagesOf(profile: EngineProfile, csr: CertificationRequest | undefined): Pick<SigningRequest, 'keyUsage' | 'extendedKeyUsage'> {
  const keyUsage = keyUsageOf(csr?.extensions ?? []);
  const purposes = extendedKeyUsageOf(csr?.extensions ?? []);
  const allowed = (asked: readonly string[] | undefined, all: readonly string[]) => (asked ?? []).filter((item) => all.includes(item));
  const asked = {
    keyUsage: allowed(keyUsage.ok ? keyUsage.value : [], profile.keyUsage),
    purposes: allowed(purposes.ok ? purposes.value : [], profile.purposes),
  };
  return {
    keyUsage: asked.keyUsage.length > 0 ? asked.keyUsage : profile.keyUsage,
    extendedKeyUsage: asked.purposes.length > 0 ? asked.purposes : profile.defaultPurposes,
  };
}
