import { type Certificate, type Name, subjectKeyIdentifierOf, toPem } from '../pkix/index.js';
import { certProfileItem, crlStatusItem, type InfoTypeAndValue, infoValueOf, listItem, readListOf, readRootCaKeyUpdate } from '../protocol/cmp/index.js';
import { envelop, kemRecipient, keyAgreementRecipient, localKeyIdAttribute, type Recipient } from '../protocol/cms/index.js';
import { der, encode, guarded, isOid, oids, tag } from '../protocol/der/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import { beginConversation, type CmpServer, pollUntilFinal, send, withDemandedKem } from './cmp-conversation.js';
import { invalid, refused, type Step } from './cmp-fault.js';
import { asGeneralName, buildMessage } from './cmp-messages.js';

/** One genm (RFC 9483 section 4.3, RFC 9810 section 5.3.19) and what its genp says; `certProfile` goes into the header. */
export function askByCmp(server: CmpServer, items: readonly InfoTypeAndValue[], certProfile?: string): Step<readonly InfoTypeAndValue[]> {
  return withDemandedKem(server, (asked) => askOnce(asked, items, certProfile));
}

async function askOnce(server: CmpServer, items: readonly InfoTypeAndValue[], certProfile: string | undefined): Step<readonly InfoTypeAndValue[]> {
  const begun = await beginConversation(server, items.some(({ infoType }) => infoType === oids.revPassphrase) ? 3 : 2);
  if (!begun.ok) return begun;
  const conversation = begun.value;
  const header = { messageTime: new Date(), ...(certProfile !== undefined && { generalInfo: [certProfileItem(certProfile)] }) };
  const first = await send(conversation, (senderNonce) => buildMessage(conversation.transaction, { senderNonce }, { type: 'genm', items }, header));
  if (!first.ok) return first;
  const final = await pollUntilFinal(conversation, first.value, -1);
  if (!final.ok) return final;
  const { body, isVerified } = final.value.answer;
  if (body.type === 'error') return refused(body.content.pKIStatusInfo, isVerified);
  return body.type === 'genp' ? ok(body.items) : invalid(`The answer to genm is ${body.type}.`);
}

/** Questions by the names of RFC 9810 section 5.3.19. */
export const questionNames = [
  'caCerts',
  'rootCaCert',
  'certReqTemplate',
  'currentCRL',
  'signKeyPairTypes',
  'encKeyPairTypes',
  'preferredSymmAlg',
  'caProtEncCert',
  'caKeyUpdateInfo',
  'suppLangTags',
  'keyPairParamReq',
  'crlStatusList',
  'revPassphrase',
] as const;

/** What some questions carry. */
export interface QuestionValues {
  /** rootCaCert: the root in use, DER. */
  readonly root?: Buffer;
  /** suppLangTags */
  readonly languages: readonly string[];
  /** keyPairParamReq: the algorithm asked about. */
  readonly algorithm?: string;
  /** revPassphrase: what to leave, under which identifier, encrypted to which certificate of the RA. */
  readonly passphrase?: { readonly passphrase: Buffer; readonly keyId: Buffer; readonly recipient: Certificate };
  /** crlStatusList: whose CRL, and from when the one in hand is. */
  readonly crl?: { readonly issuer: Name; readonly thisUpdate?: Date };
}

/** A question by one of `questionNames`, or by its object identifier. */
export function questionOf(name: string, values: QuestionValues): Result<InfoTypeAndValue, string> {
  const infoType = (questionNames as readonly string[]).includes(name) ? oids[name as (typeof questionNames)[number]] : name;
  if (!isOid(infoType)) return fail(`"${name}" is neither an object identifier nor one of ${questionNames.join(', ')}.`);
  const { root, languages, algorithm, crl, passphrase } = values;
  switch (infoType) {
    case oids.suppLangTags:
      return ok(listItem(infoType, languages.map(der.utf8String)));
    case oids.rootCaCert:
      return ok({ infoType, ...(root && { infoValue: root }) });
    case oids.keyPairParamReq:
      return algorithm === undefined || !isOid(algorithm)
        ? fail('keyPairParamReq needs the object identifier of an algorithm.')
        : ok({ infoType, infoValue: der.oid(algorithm) });
    case oids.crlStatusList:
      if (crl === undefined) return fail('crlStatusList needs a CRL or the certificate of its issuer.');
      return ok(crlStatusItem({ source: 'issuer', names: [asGeneralName(crl.issuer)], ...(crl.thisUpdate && { thisUpdate: crl.thisUpdate }) }));
    case oids.revPassphrase:
      return passphrase === undefined
        ? fail('revPassphrase needs a passphrase, its identifier and the encryption certificate of the RA.')
        : passphraseItem(passphrase);
    default:
      return ok({ infoType });
  }
}

/** RFC 9810 section 5.3.19.9: an EnvelopedData, with the identifier as localKeyId beside it. */
function passphraseItem({ passphrase, keyId, recipient }: NonNullable<QuestionValues['passphrase']>): Result<InfoTypeAndValue, string> {
  const { publicKey } = recipient;
  const identifier = subjectKeyIdentifierOf(recipient.extensions) ?? publicKey.keyIdentifier;
  const to = recipientFor(publicKey, identifier);
  if (to === undefined) return fail('Nothing can be encrypted to this encryption certificate.');
  const envelope = envelop(passphrase, to, oids.data, 'aes256-cbc', [localKeyIdAttribute(keyId)]);
  return ok({ infoType: oids.revPassphrase, infoValue: encode(der.implicit(0, envelope)) });
}

function recipientFor(publicKey: Certificate['publicKey'], identifier: Buffer): Recipient | undefined {
  if (publicKey.type === 'ml-kem') return kemRecipient(publicKey, identifier);
  const key = publicKey.type === 'ec' ? publicKey.keyObject() : undefined;
  return key?.ok === true ? keyAgreementRecipient(publicKey, key.value, identifier) : undefined;
}

const element = (infoValue: Buffer): readonly Buffer[] => [infoValue];
const list = (_: Buffer, item: InfoTypeAndValue): readonly Buffer[] => infoValueOf(item, (cursor) => readListOf(cursor, (one) => one.elementOf(tag.sequence)));
const links = (_: Buffer, item: InfoTypeAndValue): readonly Buffer[] => Object.values(infoValueOf(item, readRootCaKeyUpdate));

const holders: Readonly<Record<string, { readonly label: string; readonly read: typeof list }>> = {
  [oids.caCerts]: { label: 'CERTIFICATE', read: list },
  [oids.caProtEncCert]: { label: 'CERTIFICATE', read: element },
  [oids.rootCaKeyUpdate]: { label: 'CERTIFICATE', read: links },
  [oids.currentCRL]: { label: 'X509 CRL', read: element },
  [oids.crls]: { label: 'X509 CRL', read: list },
};

/** The certificates and CRLs of an answer as PEM, in their order; a new root comes before its link certificates. Empty when there are none. */
export function pemOf(answers: readonly InfoTypeAndValue[]): string {
  return answers.flatMap(pemOfItem).join('');
}

function pemOfItem(item: InfoTypeAndValue): readonly string[] {
  const { infoType, infoValue } = item;
  const holder = holders[infoType];
  if (holder === undefined || infoValue === undefined) return [];
  const held = guarded(() => holder.read(infoValue, item));
  return held.ok ? held.value.map((bytes) => toPem(holder.label, bytes)) : [];
}
