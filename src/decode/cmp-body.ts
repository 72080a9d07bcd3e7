import { type GeneralName, parseCertificate, serialHex } from '../pkix/index.js';
import type { CertifiedKeyPair, CertRepMessage, CertResponse, CertStatus, ErrorMsgContent, PkiBody } from '../protocol/cmp/index.js';
import { certificateField, certificateList } from './certificate.js';
import { infoItemsField } from './cmp-general.js';
import { otherBodyFields } from './cmp-other-bodies.js';
import { certReqMsgField } from './cmp-request.js';
import { revocationAnswerFields, revocationFields } from './cmp-revocation.js';
import { statusField } from './cmp-status.js';
import { csrField } from './csr.js';
import { type Field, field, group, listed, optional } from './field.js';
import { algorithmName, byteCount, hexText } from './words.js';

const maxItems = 20;

/** RFC 9810 section 5.3, each body by its content; `sender` is part of what a proof of possession may sign. */
export function bodyFields(body: PkiBody, sender: GeneralName): Field[] {
  switch (body.type) {
    case 'ir':
    case 'cr':
    case 'kur':
    case 'ccr':
      return listed(body.messages, maxItems, (message, index) => certReqMsgField(message, index, sender));
    case 'p10cr':
      return [csrField('CertificationRequest', body.csr)];
    case 'ip':
    case 'cp':
    case 'kup':
    case 'ccp':
      return certRepFields(body.content);
    case 'rr':
      return revocationFields(body.details);
    case 'rp':
      return revocationAnswerFields(body.content);
    case 'genm':
      return [infoItemsField('GenMsgContent', body.items)];
    case 'genp':
      return [infoItemsField('GenRepContent', body.items)];
    case 'certConf':
      return body.statuses.length === 0
        ? [field('CertStatus', 'none', { note: 'every certificate is refused' })]
        : listed(body.statuses, maxItems, certStatusField);
    case 'pkiconf':
      return [];
    case 'error':
      return errorFields(body.content);
    case 'pollReq':
      return listed(body.certReqIds, maxItems, (certReqId) => field('certReqId', certReqId));
    case 'pollRep':
      return listed(body.entries, maxItems, ({ certReqId, checkAfter, reason }) =>
        group('PollRep', `certReqId ${certReqId}`, [
          field('checkAfter', `${checkAfter} seconds`),
          ...optional(reason, (texts) => field('reason', texts.join(' | '))),
        ]),
      );
    default:
      return otherBodyFields(body);
  }
}

function certRepFields({ caPubs, response }: CertRepMessage): Field[] {
  return [...listed(response, maxItems, responseField), ...optional(caPubs, (certificates) => certificateList('caPubs', certificates))];
}

function responseField({ certReqId, status, certifiedKeyPair, rspInfo }: CertResponse): Field {
  return group('CertResponse', `certReqId ${certReqId}`, [
    statusField('status', status),
    ...optional(certifiedKeyPair, keyPairField),
    ...optional(rspInfo, (octets) => field('rspInfo', byteCount(octets))),
  ]);
}

function keyPairField({ certificate, encryptedCert, privateKey, publicationInfo }: CertifiedKeyPair): Field {
  return group('certifiedKeyPair', certificate === undefined ? 'encryptedCert' : 'certificate', [
    ...optional(certificate, issuedField),
    ...optional(encryptedCert, (octets) => field('encryptedCert', byteCount(octets))),
    ...optional(privateKey, (octets) => field('privateKey', byteCount(octets), { note: 'encrypted, not shown' })),
    ...optional(publicationInfo, (octets) => field('publicationInfo', byteCount(octets))),
  ]);
}

function issuedField(bytes: Buffer): Field {
  const parsed = parseCertificate(bytes);
  return parsed.ok ? certificateField('certificate', parsed.value) : field('certificate', byteCount(bytes), { verdict: 'failed', note: parsed.error.message });
}

function certStatusField({ certHash, certReqId, statusInfo, hashAlg }: CertStatus): Field {
  return group('CertStatus', `certReqId ${certReqId}`, [
    field('certHash', hexText(certHash), { note: 'of the certificate as issued; compare it with the answer before' }),
    statusInfo === undefined ? field('statusInfo', 'absent', { note: 'the certificate is accepted' }) : statusField('statusInfo', statusInfo),
    ...optional(hashAlg, (algorithm) => field('hashAlg', algorithmName(algorithm))),
  ]);
}

function errorFields({ pKIStatusInfo, errorCode, errorDetails }: ErrorMsgContent): Field[] {
  return [
    statusField('pKIStatusInfo', pKIStatusInfo),
    ...optional(errorCode, (content) => field('errorCode', `0x${serialHex(content)}`)),
    ...optional(errorDetails, (texts) => field('errorDetails', texts.join(' | '))),
  ];
}
