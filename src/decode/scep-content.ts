import type { PublicKey } from '../pkix/index.js';
import {
  type AddressedEnvelope,
  addressEnvelope,
  decryptEnvelope,
  type EnvelopedData,
  type EnvelopeFault,
  findSigner,
  mendGoGcm,
  readEnvelopedData,
  readSignedData,
  type SignedData,
} from '../protocol/cms/index.js';
import { decodeBer, scepLimits } from '../protocol/der/index.js';
import { type MessageData, messageTypes, type RequestType, readMessageData, requestTypeOf } from '../protocol/scep/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import { certificateList, nameText } from './certificate.js';
import { crlsField } from './crl.js';
import { csrField } from './csr.js';
import { envelopeFields, issuerAndSerialText } from './envelope.js';
import { faultField } from './fault.js';
import { type Field, field, group } from './field.js';
import type { DecodeKeys, DecryptionKey } from './keys.js';
import { byteCount } from './words.js';

/** eContent: the pkcsPKIEnvelope (RFC 8894 section 3.2.2), and what is in it where a key is given. */
export function contentField(signedData: SignedData, messageType: number | undefined, keys: DecodeKeys): Field {
  const { content } = signedData;
  if (content === undefined) return absentContent(messageType);
  const mended = mendGoGcm(content);
  const decoded = decodeBer(mended, scepLimits, readEnvelopedData);
  if (!decoded.ok)
    return group('eContent', byteCount(content), [faultField(decoded.error, 'pkcsPKIEnvelope')], { verdict: 'failed', note: 'no EnvelopedData' });
  const signer = signerKey(signedData);
  const fields = envelopeFields(decoded.value, keys.decryption ?? []);
  return group('pkcsPKIEnvelope', byteCount(content), [...goField(mended !== content), ...fields, openedField(decoded.value, messageType, signer, keys)]);
}

/** See `mendGoGcm`: the server takes it, others need not. */
function goField(isMended: boolean): Field[] {
  return isMended ? [field('encoding', 'the parameters of GCM are no DER', { note: 'as the pkcs7 packages of Go write them; read all the same' })] : [];
}

/** EnvelopedData that stands alone: no message type says what is in it. */
export function bareEnvelopeFields(bytes: Buffer, keys: DecodeKeys): Field[] {
  const decoded = decodeBer(bytes, scepLimits, readEnvelopedData);
  if (!decoded.ok) return [faultField(decoded.error, 'EnvelopedData')];
  return envelopeFields(decoded.value, keys.decryption ?? []);
}

function absentContent(messageType: number | undefined): Field {
  const isAnswer = messageType === messageTypes.CertRep;
  return field('eContent', 'absent', isAnswer ? { note: 'as in FAILURE and PENDING' } : { verdict: 'failed', note: 'a request has its content enveloped' });
}

function signerKey(signedData: SignedData): PublicKey | undefined {
  const [signer] = signedData.signers;
  return signer === undefined ? undefined : findSigner(signedData, signer.sid)?.publicKey;
}

const addressFaults: Readonly<Record<EnvelopeFault, string>> = {
  recipients: 'several recipientInfos name the same key, or there are too many',
  'wrong-recipient': 'not encrypted for the certificate given',
  'transport-unknown': 'the key encryption algorithm is not served',
  'cipher-unknown': 'the content cipher is not served',
  'content-type': 'the encrypted content is not id-data',
};

function openedField(envelope: EnvelopedData, messageType: number | undefined, signer: PublicKey | undefined, keys: DecodeKeys): Field {
  const { decryption = [] } = keys;
  if (decryption.length === 0) return field('messageData', 'encrypted', { verdict: 'unknown', note: 'needs the private key of the recipient' });
  const addressed = addressEnvelope(envelope, decryption);
  if (!addressed.ok) return field('messageData', addressFaults[addressed.error], { verdict: addressed.error === 'wrong-recipient' ? 'unknown' : 'failed' });
  if (messageType === messageTypes.CertRep) return answerField(addressed.value, keys);
  const type = messageType === undefined ? undefined : requestTypeOf(messageType);
  if (type === undefined) return field('messageData', 'not read', { verdict: 'unknown', note: 'the messageType does not say what it is' });
  const opened = open(addressed.value, keys, (plain) => requestData(type, plain));
  return opened.ok ? dataField(opened.value, signer) : opened.error;
}

const undecryptable = 'could not be decrypted, or is not what the messageType requires';

/** One answer for wrong padding and wrong content, unless the key's holder asks (see `tellsOfContent`). */
function open<T>(envelope: AddressedEnvelope<DecryptionKey>, keys: DecodeKeys, read: (plain: Buffer) => Result<T, Field>): Result<T, Field> {
  const { isPadded, content } = decryptEnvelope(envelope, envelope.key.unwrapper);
  const data = read(content);
  if (isPadded && data.ok) return data;
  const detail = keys.tellsOfContent !== true ? {} : { fields: [isPadded && !data.ok ? data.error : field('padding', 'wrong', { verdict: 'failed' })] };
  return fail(field('messageData', undecryptable, { verdict: 'failed', ...detail }));
}

function requestData(type: RequestType, plain: Buffer): Result<MessageData, Field> {
  const read = decodeBer(plain, scepLimits, (cursor) => readMessageData(type, cursor));
  return read.ok ? ok(read.value) : fail(faultField(read.error, 'messageData'));
}

/** RFC 8894 section 3.3. */
function dataField(data: MessageData, signer: PublicKey | undefined): Field {
  switch (data.kind) {
    case 'csr': {
      const csr = csrField('CertificationRequest', data.csr);
      const isSame = signer?.spki.equals(data.csr.publicKey.spki) === true;
      return group('messageData', csr.value, [
        csr,
        field('key of the request', isSame ? 'the key that signed the message' : 'another key than the one that signed the message'),
      ]);
    }
    case 'issuerAndSubject':
      return group('messageData', 'IssuerAndSubject', [field('issuer', nameText(data.issuer)), field('subject', nameText(data.subject))]);
    case 'issuerAndSerial':
      return group('messageData', 'IssuerAndSerialNumber', [field('certificate', issuerAndSerialText(data.issuer, data.serial))]);
  }
}

/** The certificates in a SUCCESS (RFC 8894 section 3.3.2), the issued one first. */
function answerField(envelope: AddressedEnvelope<DecryptionKey>, keys: DecodeKeys): Field {
  const opened = open(envelope, keys, (plain) => {
    const read = decodeBer(plain, scepLimits, readSignedData);
    return read.ok ? ok(read.value) : fail(faultField(read.error, 'messageData'));
  });
  if (!opened.ok) return opened.error;
  const { certificates, crls } = opened.value;
  return group('messageData', 'certificates and CRLs', [certificateList('certificates', certificates), crlsField(crls)]);
}
