import { generateKeyPairSync } from 'node:crypto';
import type { CertificateRequest, Issuer } from '../../../src/enrolment/ports.js';
import {
  buildName,
  type Certificate,
  createSigner,
  dnsName,
  type GeneralName,
  parseCertificate,
  publicKeyOf,
  signCsr,
  subjectAltNameExtension,
} from '../../../src/pkix/index.js';
import { oids } from '../../../src/protocol/der/index.js';
import { uuidv7 } from '../../../src/runtime/ids.js';

/** A certificate in parts. Throws on bytes that are none. */
export function certificateOf(der: Buffer): Certificate {
  const parsed = parseCertificate(der);
  if (!parsed.ok) throw parsed.error;
  return parsed.value;
}

const tenantId = uuidv7();

/** Of an order of one and the same tenant, made at `time`. */
export function newRef(time?: number): string {
  return `${tenantId}-${uuidv7(time)}`;
}

/** What a device of this name asks for, with a key of its own and, by default, a PKCS#10. */
export function requestFor(commonName: string, isByPkcs10 = true, sans: readonly GeneralName[] = [dnsName(`${commonName}.example`)]): CertificateRequest {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicKey = publicKeyOf(privateKey);
  const subject = buildName([[oids.commonName, commonName]]);
  const extensions = sans.length === 0 ? [] : [subjectAltNameExtension(sans)];
  return {
    publicKey: publicKey.spki,
    subject: subject.der,
    sans: sans.map(({ der }) => der),
    keyUsage: ['digitalSignature'],
    extendedKeyUsage: [oids.clientAuth],
    validitySeconds: 30 * 86_400,
    backdateSeconds: 300,
    ...(isByPkcs10 && { pkcs10: signCsr({ subject, extensions }, createSigner(privateKey, publicKey)) }),
  };
}

/** Issues or throws what the CA answered instead. */
export async function issuedBy(issuer: Issuer, ref: string, request: CertificateRequest): Promise<Buffer> {
  const answer = await issuer.issue(ref, request);
  if (answer.kind !== 'issued') throw new Error(JSON.stringify(answer));
  return answer.certificate;
}
