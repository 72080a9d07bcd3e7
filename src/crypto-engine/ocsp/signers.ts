import { createPrivateKey, generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import {
  authorityKeyIdentifierExtension,
  buildName,
  createSigner,
  extendedKeyUsageExtension,
  keyUsageExtension,
  parseCertificate,
  publicKeyOf,
  type Signer,
  serialHex,
  signCertificateSoon,
  subjectKeyIdentifierExtension,
} from '../../pkix/index.js';
import { certificateTime, der, encode, oids } from '../../protocol/der/index.js';
import type { Clock } from '../../runtime/clock.js';
import type { LoadedCa } from '../loaded-ca.js';
import type { EngineStore, OcspSigner } from '../ports.js';
import { randomSerial } from '../serial.js';
import { ocspOids } from './oids.js';

/** A key that answers for one CA, with the certificate that says so. */
export interface Responder {
  readonly signer: Signer;
  /** DER. */
  readonly certificate: Buffer;
  readonly notAfter: Date;
}

export interface Responders {
  /** The key that answers for this CA now; made when there is none that lasts. */
  of(ca: LoadedCa): Promise<Responder>;
  /** Makes one ahead of time where there is none that lasts; whether it did. */
  renew(ca: LoadedCa): Promise<boolean>;
}

const generate = promisify(generateKeyPair);
const dayMs = 86_400_000;
/** Nobody asks after these certificates (id-pkix-ocsp-nocheck), so they are short. */
const lifeMs = 30 * dayMs;
const renewMs = 10 * dayMs;
const backdateMs = 3_600_000;
/** An answer must end before the certificate of its signer. */
const leastMs = 2 * 3_600_000;

/** Every process takes the newest key of the store; the key of the CA is used once for each of them, never for an answer. */
export function createResponders(store: EngineStore, clock: Clock): Responders {
  const loaded = new Map<string, Responder>();
  const underWay = new Map<string, Promise<Responder>>();

  async function newest(ca: LoadedCa, isEnough: (notAfter: Date) => boolean): Promise<Responder | undefined> {
    const [found] = (await store.listOcspSigners(ca.id)).filter(({ notAfter }) => isEnough(notAfter));
    return found && toResponder(found);
  }

  const isInForce = (notAfter: Date): boolean => notAfter > clock.now();
  /** Near the end of the CA no key lasts longer than the CA itself, and a new one would gain nothing. */
  const lasts = (ca: LoadedCa, notAfter: Date): boolean => {
    const wanted = Math.min(clock.now().getTime() + renewMs, ca.certificate.notAfter.getTime() - 1_000);
    return isInForce(notAfter) && notAfter.getTime() > wanted;
  };

  async function find(ca: LoadedCa): Promise<Responder> {
    const standing = await newest(ca, (notAfter) => lasts(ca, notAfter));
    if (standing !== undefined) return standing;
    const made = await makeSigner(ca, clock.now());
    await store.addOcspSigner(made);
    // Another process may have made one too: all take the newest.
    return (await newest(ca, isInForce)) ?? toResponder(made);
  }

  const responders: Responders = {
    async renew(ca) {
      if ((await newest(ca, (notAfter) => lasts(ca, notAfter))) !== undefined) return false;
      await responders.of(ca);
      return true;
    },
    async of(ca) {
      const known = loaded.get(ca.id);
      const left = known === undefined ? 0 : known.notAfter.getTime() - clock.now().getTime();
      if (known !== undefined && lasts(ca, known.notAfter)) return known;
      const finding = underWay.get(ca.id) ?? find(ca).finally(() => underWay.delete(ca.id));
      underWay.set(ca.id, finding);
      try {
        const responder = await finding;
        loaded.set(ca.id, responder);
        return responder;
      } catch (error) {
        if (known !== undefined && left > leastMs) return known;
        throw error;
      }
    },
  };
  return responders;
}

function toResponder({ certificate, privateKey }: OcspSigner): Responder {
  const parsed = parseCertificate(certificate);
  if (!parsed.ok) throw parsed.error;
  const key = createPrivateKey({ key: privateKey, format: 'der', type: 'pkcs8' });
  return { signer: createSigner(key, publicKeyOf(key)), certificate, notAfter: parsed.value.notAfter };
}

/** RFC 6960 section 4.2.2.2: issued by the CA itself, for OCSPSigning. RSA for an RSA CA, whose clients may know nothing else. */
async function makeSigner(ca: LoadedCa, now: Date): Promise<OcspSigner> {
  const isRsa = ca.certificate.publicKey.type === 'rsa';
  const { privateKey } = isRsa ? await generate('rsa', { modulusLength: 2048 }) : await generate('ec', { namedCurve: 'P-256' });
  const publicKey = publicKeyOf(privateKey);
  const serial = randomSerial();
  const notBefore = new Date(Math.max(now.getTime() - backdateMs, ca.certificate.notBefore.getTime()));
  const notAfter = new Date(Math.min(Math.floor((now.getTime() + lifeMs) / 1000) * 1000, ca.certificate.notAfter.getTime()));
  const subject = buildName([
    [oids.organizationName, 'Gatehouse'],
    [oids.commonName, `Gatehouse OCSP ${publicKey.keyIdentifier.toString('hex', 0, 4)}`],
  ]);
  const extensions = [
    keyUsageExtension(['digitalSignature']),
    extendedKeyUsageExtension([ocspOids.ocspSigning]),
    { oid: ocspOids.noCheck, critical: false, value: encode(der.nullValue()) },
    subjectKeyIdentifierExtension(publicKey.keyIdentifier),
    authorityKeyIdentifierExtension(ca.keyIdentifier),
  ];
  const fields = { serial, issuer: ca.certificate.subject, notBefore, notAfter, subject, spki: publicKey.spki, extensions };
  const certificate = await signCertificateSoon(fields, { notBefore: certificateTime(notBefore), notAfter: certificateTime(notAfter) }, ca.signer);
  return { caId: ca.id, serial: serialHex(serial), certificate, privateKey: privateKey.export({ format: 'der', type: 'pkcs8' }), notAfter };
}
