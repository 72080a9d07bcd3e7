import { type GeneralName, parsePublicKey, serialHex } from '../pkix/index.js';
import {
  type AttributeTypeAndValue,
  agreeMacOf,
  type CertReqMsg,
  type CertTemplate,
  type OptionalValidity,
  oldCertIdOf,
  type PossessionFault,
  type ProofOfPossession,
  subsequentMessageOf,
  templateExtensions,
  verifyPossession,
} from '../protocol/cmp/index.js';
import { oids } from '../protocol/der/index.js';
import { nameText, signatureAlgorithmField } from './certificate.js';
import { extensionsField } from './extensions.js';
import { type Field, field, group, listed, optional } from './field.js';
import { typedName } from './general-name.js';
import { publicKeyField } from './public-key.js';
import { byteCount, oidName, timeText, unshown } from './words.js';

const maxAttributes = 40;

/** RFC 4211 section 3: template, controls, and the proof that the requester has the key. */
export function certReqMsgField(message: CertReqMsg, index: number, sender: GeneralName): Field {
  const { certReq, regInfo = [] } = message;
  const { controls = [] } = certReq;
  return group(`CertReqMsg [${index}]`, `certReqId ${certReq.certReqId}`, [
    templateField(certReq.certTemplate),
    ...(controls.length === 0
      ? []
      : [
          group(
            'controls',
            controls.length,
            listed(controls, maxAttributes, (control) => controlField(control, message)),
          ),
        ]),
    possessionField(message, sender),
    ...(regInfo.length === 0
      ? []
      : [
          group(
            'regInfo',
            regInfo.length,
            listed(regInfo, maxAttributes, ({ type, value }) => field(oidName(type), unshown(value))),
          ),
        ]),
  ]);
}

/** RFC 4211 section 5, the fields that are there. */
export function templateField(template: CertTemplate): Field {
  const { version, serialNumber, signingAlg, issuer, validity, subject, publicKey, issuerUID, subjectUID } = template;
  return group('certTemplate', subject === undefined ? 'without a subject' : nameText(subject), [
    ...optional(version, (number) => field('version', number)),
    ...optional(serialNumber, (serial) => field('serialNumber', serialHex(serial))),
    ...optional(signingAlg, (algorithm) => signatureAlgorithmField('signingAlg', algorithm)),
    ...optional(issuer, (name) => field('issuer', nameText(name))),
    ...optional(validity, validityField),
    ...optional(subject, (name) => field('subject', nameText(name))),
    ...optional(publicKey, templateKeyField),
    ...optional(issuerUID, ({ bytes }) => field('issuerUID', byteCount(bytes))),
    ...optional(subjectUID, ({ bytes }) => field('subjectUID', byteCount(bytes))),
    ...optional(template.extensions, (octets) => templateExtensionsField(template, octets)),
  ]);
}

function validityField({ notBefore, notAfter }: OptionalValidity): Field {
  return field('validity', `${notBefore === undefined ? 'any time' : timeText(notBefore)} to ${notAfter === undefined ? 'any time' : timeText(notAfter)}`);
}

function templateKeyField(spki: Buffer): Field {
  const key = parsePublicKey(spki);
  return key.ok
    ? publicKeyField('publicKey', key.value)
    : field('publicKey', byteCount(spki), { verdict: 'failed', note: `badCertTemplate: ${key.error.message}` });
}

function templateExtensionsField(template: CertTemplate, octets: Buffer): Field {
  const read = templateExtensions(template);
  if (read.ok) return extensionsField('extensions', read.value);
  return field('extensions', byteCount(octets), { verdict: 'failed', note: `badCertTemplate: ${read.error.message}` });
}

/** regToken and authenticator are secrets, values of unknown types may be: only oldCertID is shown (RFC 4211 section 6). */
function controlField({ type, value }: AttributeTypeAndValue, { certReq }: CertReqMsg): Field {
  if (type !== oids.oldCertID) return field(oidName(type), unshown(value));
  const read = oldCertIdOf(certReq);
  if (!read.ok || read.value === undefined) return field('oldCertID', byteCount(value), { verdict: 'failed', note: 'malformed' });
  return field('oldCertID', `issuer ${typedName(read.value.issuer)}, serialNumber ${serialHex(read.value.serialNumber)}`);
}

const possessionFaults: Readonly<Record<PossessionFault, { readonly words: string; readonly verdict: 'failed' | 'unknown' }>> = {
  missing: { words: 'there is none', verdict: 'failed' },
  unsupported: { words: 'a kind that is not served', verdict: 'failed' },
  invalid: { words: 'the signature is not valid, or not over what it must be over', verdict: 'failed' },
  'ra-verified': { words: 'no proof, but the word of a registration authority', verdict: 'unknown' },
};

function possessionField(message: CertReqMsg, sender: GeneralName): Field {
  const { popo, certReq } = message;
  const kind = popo === undefined ? 'absent' : popo.kind;
  const key = certReq.certTemplate.publicKey === undefined ? undefined : parsePublicKey(certReq.certTemplate.publicKey);
  if (key?.ok !== true) return group('popo', kind, popoFields(popo), { verdict: 'unknown', note: 'the template has no key it could be checked with' });
  const later = popo?.kind === 'keyEncipherment' || popo?.kind === 'keyAgreement' ? laterProof(popo.privKey) : undefined;
  if (later !== undefined) return group('popo', kind, popoFields(popo), { verdict: 'unknown', note: later });
  const verified = verifyPossession(message, key.value, sender);
  if (verified.ok) return group('popo', kind, popoFields(popo), { verdict: 'ok', note: 'verified with the key of the template' });
  const { words, verdict } = possessionFaults[verified.error];
  return group('popo', kind, popoFields(popo), { verdict, note: words });
}

/** How a key that does not sign is to be proved; undefined where it would hand over the private key. */
function laterProof(privKey: Buffer): string | undefined {
  const announced = subsequentMessageOf(privKey);
  if (announced === 'encrCert') return 'encrCert: proved by confirming a certificate that comes encrypted';
  if (announced === 'challengeResp') return 'challengeResp: proved by decrypting a number';
  return agreeMacOf(privKey) === undefined ? undefined : 'agreeMAC: needs the private key of one of the two';
}

/** RFC 4211 section 4.1. */
function popoFields(popo: ProofOfPossession | undefined): Field[] {
  if (popo === undefined || popo.kind === 'raVerified') return [];
  if (popo.kind !== 'signature') return [field('privKey', byteCount(popo.privKey), { note: 'not shown' })];
  const { poposkInput, algorithmIdentifier, signature } = popo.signingKey;
  return [
    field('signed', poposkInput === undefined ? 'certReq' : 'poposkInput'),
    ...optional(poposkInput?.sender, (name) => field('sender', typedName(name))),
    ...optional(poposkInput?.publicKeyMAC, ({ value }) => field('publicKeyMAC', byteCount(value))),
    signatureAlgorithmField('algorithmIdentifier', algorithmIdentifier),
    field('signature', byteCount(signature)),
  ];
}
