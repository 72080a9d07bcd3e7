import { type AlgorithmIdentifier, type Certificate, isSameName, parseCertificate, subjectKeyIdentifierOf } from '../pkix/index.js';
import {
  deriveMacKey,
  isGmac,
  isMacAlgorithm,
  type MacBounds,
  type MacParameters,
  type PkiMessage,
  protectionKindOf,
  readDhMacParameters,
  readKemMacParameters,
  readMacParameters,
  type SignedFault,
  signerAmong,
  verifyMac,
  verifySigned,
} from '../protocol/cmp/index.js';
import { oids } from '../protocol/der/index.js';
import { nameText } from './certificate.js';
import { type Field, field, group } from './field.js';
import type { DecodeKeys } from './keys.js';
import { algorithmName, byteCount, digestName, weaknessOf } from './words.js';

/** What the server derives for anyone; a profile may be stricter. */
const bounds: MacBounds = { hmacSha1: true, minIterations: 100, maxIterations: 100_000 };
const anyCount: MacBounds = { hmacSha1: true, minIterations: Number.NEGATIVE_INFINITY, maxIterations: Number.POSITIVE_INFINITY };

/** protectionAlg, with the parameters of a MAC in words (RFC 9810 section 5.1.3). */
export function protectionAlgField(algorithm: AlgorithmIdentifier): Field {
  const name = algorithmName(algorithm);
  if (isMacAlgorithm(algorithm)) return macField(name, algorithm);
  if (algorithm.oid === oids.dhBasedMac) return agreedField(name, algorithm);
  if (algorithm.oid === oids.kemBasedMac) return encapsulatedField(name, algorithm);
  if (protectionKindOf(algorithm) === undefined) return field('protectionAlg', name, { verdict: 'failed', note: weaknessOf(name) ?? 'not served' });
  return field('protectionAlg', name);
}

const agreedNote = { verdict: 'ok' as const, note: 'served where a profile allows it' };

/** DHBMParameter (RFC 9810 section 5.1.3.2). */
function agreedField(name: string, algorithm: AlgorithmIdentifier): Field {
  const read = readDhMacParameters(algorithm);
  if (!read.ok) return field('protectionAlg', name, { verdict: 'failed', note: `refused: ${read.error}` });
  return group('protectionAlg', name, [field('owf', digestName(read.value.owf)), field('mac', `HMAC-${digestName(read.value.mac)}`)], agreedNote);
}

/** KemBMParameter (RFC 9810 section 5.1.3.4). */
function encapsulatedField(name: string, algorithm: AlgorithmIdentifier): Field {
  const read = readKemMacParameters(algorithm);
  if (!read.ok) return field('protectionAlg', name, { verdict: 'failed', note: `refused: ${read.error}` });
  const { len, mac, kemContext } = read.value;
  const fields = [field('kdf', 'HKDF-SHA256'), field('len', len), field('mac', `HMAC-${digestName(mac)}`)];
  return group('protectionAlg', name, kemContext === undefined ? fields : [...fields, field('kemContext', byteCount(kemContext))], agreedNote);
}

function macField(name: string, algorithm: AlgorithmIdentifier): Field {
  const within = readMacParameters(algorithm, bounds);
  const read = within.ok ? within : readMacParameters(algorithm, anyCount);
  const verdict = within.ok ? { verdict: 'ok' as const, note: 'within bounds' } : { verdict: 'failed' as const, note: `refused: ${within.error}` };
  return group('protectionAlg', name, read.ok ? parameterFields(read.value) : [], verdict);
}

function parameterFields(parameters: MacParameters): Field[] {
  const weakness = parameters.mac === 'sha1' ? { note: 'accepted where a profile allows HMAC-SHA1' } : {};
  const mac = field('mac', isGmac(parameters.mac) ? parameters.mac.toUpperCase() : `HMAC-${digestName(parameters.mac)}`, weakness);
  const salt = field('salt', byteCount(parameters.salt));
  const iterationCount = field('iterationCount', parameters.iterationCount);
  if (parameters.kind === 'pbm') return [field('owf', digestName(parameters.owf)), iterationCount, salt, mac];
  return [
    field('keyDerivationFunc', `PBKDF2 with HMAC-${digestName(parameters.prf)}`),
    iterationCount,
    salt,
    field('keyLength', byteCount(parameters.keyLength)),
    mac,
  ];
}

const agreedBy: Readonly<Record<string, string>> = {
  [oids.dhBasedMac]: 'needs the private key of one of the two',
  [oids.kemBasedMac]: 'needs the private key that decapsulates',
};

/** The verdict on the protection over the octets as received. */
export async function protectionField(message: PkiMessage, keys: DecodeKeys): Promise<Field> {
  const { protection, header } = message;
  const { protectionAlg } = header;
  if (protection === undefined) {
    const isPromised = protectionAlg !== undefined;
    return field(
      'protection',
      'absent',
      isPromised ? { verdict: 'failed', note: 'but the header names a protectionAlg' } : { verdict: 'unknown', note: 'nothing in it is proven' },
    );
  }
  if (protectionAlg === undefined) return field('protection', byteCount(protection), { verdict: 'failed', note: 'the header names no protectionAlg' });
  const agreed = agreedBy[protectionAlg.oid];
  if (agreed !== undefined) return field('protection', `MAC of ${byteCount(protection)}`, { verdict: 'unknown', note: agreed });
  switch (protectionKindOf(protectionAlg)) {
    case 'mac':
      return macVerdict(message, protectionAlg, protection, keys);
    case 'signature':
      return signatureVerdict(message);
    case undefined:
      return field('protection', byteCount(protection), { verdict: 'failed', note: 'refused with badAlg: the algorithm is not served' });
  }
}

async function macVerdict(message: PkiMessage, algorithm: AlgorithmIdentifier, protection: Buffer, { secret }: DecodeKeys): Promise<Field> {
  const size = `MAC of ${byteCount(protection)}`;
  const parameters = readMacParameters(algorithm, bounds);
  if (!parameters.ok) return field('protection', size, { verdict: 'failed', note: `refused with badAlg before anything is computed: ${parameters.error}` });
  if (secret === undefined) return field('protection', size, { verdict: 'unknown', note: 'needs the secret' });
  const key = await deriveMacKey(parameters.value, Buffer.from(secret.reveal(), 'utf8'));
  if (verifyMac(message, parameters.value, key)) return field('protection', `${size}, right for the secret given`, { verdict: 'ok' });
  return field('protection', `${size}, wrong for the secret given`, { verdict: 'failed', note: 'refused with badMessageCheck' });
}

const signedFaults: Readonly<Record<SignedFault, string>> = {
  algorithm: 'refused with badAlg: the algorithm is not served, or does not fit the key',
  invalid: 'refused with badMessageCheck: the signature is not valid for the key of the signer',
};

interface Signer {
  readonly certificate: Certificate;
  /** `extraCerts[0]` */
  readonly place: string;
}

function signerIn({ header, extraCerts }: PkiMessage): Signer | undefined {
  const read = extraCerts.flatMap((der, index): Signer[] => {
    const certificate = parseCertificate(der);
    return certificate.ok ? [{ certificate: certificate.value, place: `extraCerts[${index}]` }] : [];
  });
  const signer = signerAmong(
    read.map(({ certificate }) => certificate),
    header.senderKID,
  );
  return read.find(({ certificate }) => certificate === signer);
}

function signatureVerdict(message: PkiMessage): Field {
  const signer = signerIn(message);
  if (signer === undefined) {
    const note = message.extraCerts.length === 0 ? 'there are no extraCerts' : 'no certificate of extraCerts can be read';
    return field('protection', 'signature, not checked', { verdict: 'unknown', note });
  }
  const { certificate, place } = signer;
  const verified = verifySigned(message, certificate.publicKey);
  const fields = signerFields(message, signer);
  if (!verified.ok) return group('protection', 'signature', fields, { verdict: 'failed', note: signedFaults[verified.error] });
  return group('protection', `signature, verified with the key of ${place}, ${certificate.publicKey.name}`, fields, {
    verdict: 'ok',
    note: 'whether it is trusted depends on the profile',
  });
}

/** RFC 9483 section 3.1: sender and senderKID name the certificate. */
function signerFields({ header }: PkiMessage, { certificate, place }: Signer): Field[] {
  const { sender, senderKID } = header;
  const isSender = sender.name !== undefined && isSameName(sender.name, certificate.subject);
  const identifier = subjectKeyIdentifierOf(certificate.extensions);
  return [
    field('signer', nameText(certificate.subject)),
    field('sender', isSender ? `the subject of ${place}` : `another name than the subject of ${place}`, { verdict: isSender ? 'ok' : 'failed' }),
    ...(senderKID === undefined || identifier === undefined
      ? []
      : [
          senderKID.equals(identifier)
            ? field('senderKID', `the subjectKeyIdentifier of ${place}`, { verdict: 'ok' })
            : field('senderKID', `not the subjectKeyIdentifier of ${place}`, { verdict: 'failed' }),
        ]),
  ];
}
