import { findSigner, otherCertificates, readSignedData, type SignedData, type SignerFault, type SignerInfo, verifySigner } from '../protocol/cms/index.js';
import { decodeBer, oids, scepLimits } from '../protocol/der/index.js';
import { decodeRequest, messageTypes, scepFaults, verifyRequest } from '../protocol/scep/index.js';
import { partsOfSignedData } from './broken-signed-data.js';
import { certificateField, certificateList, signatureAlgorithmField } from './certificate.js';
import { crlsField } from './crl.js';
import { identifierText } from './envelope.js';
import { faultField, structureField } from './fault.js';
import { type Field, field, group, listed } from './field.js';
import type { DecodeKeys } from './keys.js';
import { attributesField, numberIn } from './scep-attributes.js';
import { contentField } from './scep-content.js';
import { algorithmName, byteCount, oidName, weaknessOf } from './words.js';

const maxSigners = 8;

/** A pkiMessage of SCEP (RFC 8894 section 3), requests and answers alike, with the verdict on what the server would check first. */
export function scepFields(bytes: Buffer, keys: DecodeKeys): Field[] {
  const decoded = decodeBer(bytes, scepLimits, readSignedData);
  if (!decoded.ok) return [faultField(decoded.error, 'SignedData'), ...partsOfSignedData(bytes), structureField(bytes)];
  const signedData = decoded.value;
  const messageType = numberIn(signedData.signers[0]?.signedAttributes?.attributes ?? [], oids.scepMessageType);
  return [
    ...(messageType === messageTypes.CertRep ? [] : [requestCheck(bytes)]),
    field('version', signedData.version),
    ...signersFields(signedData),
    field('eContentType', oidName(signedData.contentType)),
    contentField(signedData, messageType, keys),
    ...otherFields(signedData),
  ];
}

/** SignedData without a signer (RFC 8894 section 3.4): what GetCACert and a SUCCESS carry. */
export function degenerateFields(bytes: Buffer): Field[] {
  const decoded = decodeBer(bytes, scepLimits, readSignedData);
  if (!decoded.ok) return [faultField(decoded.error, 'SignedData'), ...partsOfSignedData(bytes), structureField(bytes)];
  const { version, contentType, content, certificates, crls } = decoded.value;
  return [
    field('version', version),
    field('eContentType', oidName(contentType)),
    field('eContent', content === undefined ? 'absent' : byteCount(content)),
    certificateList('certificates', certificates),
    crlsField(crls),
  ];
}

/** What the server would say of it as a request before it looks for a key. */
function requestCheck(bytes: Buffer): Field {
  const decoded = decodeRequest(bytes);
  const checked = decoded.ok ? verifyRequest(decoded.value) : decoded;
  if (checked.ok) return field('as a request', 'readable and properly signed', { verdict: 'ok' });
  const { code, detail } = checked.error;
  return field('as a request', `refused with failInfo ${scepFaults[code].failInfo}: ${scepFaults[code].says}`, {
    verdict: 'failed',
    ...(detail !== scepFaults[code].says && { note: detail }),
  });
}

function signersFields(signedData: SignedData): Field[] {
  const { signers } = signedData;
  if (signers.length === 1) return listed(signers, 1, (signer) => signerField('signerInfo', signedData, signer));
  return [
    field('signerInfos', signers.length, { verdict: 'failed', note: 'a pkiMessage has exactly one signer' }),
    ...listed(signers, maxSigners, (signer, index) => signerField(`signerInfo [${index}]`, signedData, signer)),
  ];
}

function signerField(name: string, signedData: SignedData, signer: SignerInfo): Field {
  const { signedAttributes } = signer;
  const digest = algorithmName(signer.digestAlgorithm);
  const weakness = weaknessOf(digest);
  return group(name, identifierText(signer.sid), [
    field('version', signer.version),
    field('digestAlgorithm', digest, weakness === undefined ? {} : { note: weakness }),
    signatureAlgorithmField('signatureAlgorithm', signer.signatureAlgorithm),
    signedAttributes === undefined
      ? field('signedAttributes', 'absent', { verdict: 'failed', note: 'required here' })
      : attributesField(signedAttributes.attributes),
    ...verdictFields(signedData, signer),
  ]);
}

const faultWords: Readonly<Record<SignerFault, string>> = {
  attributes: 'the signed attributes are missing, repeated, or have not exactly one value each',
  'content-type': 'contentType is not eContentType',
  'message-digest': 'messageDigest is not the digest of eContent',
  algorithm: 'the digest or signature algorithm is not served',
  signature: 'the signature is not valid',
};

function verdictFields(signedData: SignedData, signer: SignerInfo): Field[] {
  const certificate = findSigner(signedData, signer.sid);
  if (certificate === undefined) {
    return [field('signature', 'not checked', { verdict: 'unknown', note: 'the certificate of the signer is not in the message, or cannot be read' })];
  }
  const verified = verifySigner(signedData, signer, certificate.publicKey);
  return [
    certificateField('signer', certificate),
    verified.ok
      ? field('signature', `verified with the signer's key, ${certificate.publicKey.name}`, { verdict: 'ok' })
      : field('signature', faultWords[verified.error], { verdict: 'failed' }),
  ];
}

function otherFields(signedData: SignedData): Field[] {
  const [signerInfo] = signedData.signers;
  const signer = signerInfo === undefined ? undefined : findSigner(signedData, signerInfo.sid);
  const others = signer === undefined ? signedData.certificates : otherCertificates(signedData, signer).map(({ der }) => der);
  return others.length === 0 ? [] : [certificateList(signer === undefined ? 'certificates' : 'other certificates', others)];
}
