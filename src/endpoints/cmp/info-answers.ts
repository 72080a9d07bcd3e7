import { fromPem, isSameName } from '../../pkix/index.js';
import {
  algorithmsItem,
  caKeyUpdateInfoItem,
  certReqTemplateItem,
  type InfoTypeAndValue,
  listItem,
  type RootCaKeyUpdate,
  readLanguageTags,
  rootCaKeyUpdateItem,
} from '../../protocol/cmp/index.js';
import { der, encode, oids, tag } from '../../protocol/der/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import { requestTemplateOf } from './cert-req-template.js';
import { activeEncryptionKeys } from './encryption-keys.js';
import type { VerifiedExchange } from './exchange.js';
import { type Fault, fault } from './fault.js';
import { currentCrlItem, newerCrlItem } from './info-crls.js';
import { questionOf } from './info-question.js';
import { algorithmOfKeyType, encryptionKeyTypes, signatureKeyTypes } from './key-types.js';
import { keepPassphrase } from './revocation-passphrase.js';

/** Answers one question of a genm. */
export type InfoAnswer = (item: InfoTypeAndValue, exchange: VerifiedExchange) => Result<InfoTypeAndValue, Fault> | Promise<Result<InfoTypeAndValue, Fault>>;

/** The information types that are served (RFC 9810 section 5.3.19); others, header items among them, are unsupported. */
export const infoAnswers: Readonly<Record<string, InfoAnswer>> = {
  [oids.caProtEncCert]: valueless(caProtEncCert),
  [oids.signKeyPairTypes]: valueless(({ endpoint }) => algorithmsItem(oids.signKeyPairTypes, signatureKeyTypes(endpoint.profile.policy))),
  [oids.encKeyPairTypes]: valueless(({ endpoint }) => algorithmsItem(oids.encKeyPairTypes, encryptionKeyTypes(endpoint.profile.policy))),
  [oids.preferredSymmAlg]: valueless(() => ({ infoType: oids.preferredSymmAlg, infoValue: encode(der.sequence(der.oid(oids.aes256Cbc))) })),
  [oids.caKeyUpdateInfo]: valueless(caKeyUpdateInfo),
  [oids.currentCRL]: (item, exchange) => withoutValue(item) ?? currentCrlItem(exchange),
  [oids.keyPairParamReq]: keyPairParam,
  [oids.suppLangTags]: language,
  [oids.caCerts]: valueless(caCerts),
  [oids.rootCaCert]: rootUpdate,
  [oids.certReqTemplate]: valueless(({ endpoint }) => certReqTemplateItem(requestTemplateOf(endpoint.profile.policy))),
  [oids.crlStatusList]: newerCrlItem,
  [oids.revPassphrase]: (item, exchange) => keepPassphrase(exchange, item),
};

/** "infoValue MUST be absent" in the questions of most types. */
function withoutValue({ infoType, infoValue }: InfoTypeAndValue): Result<never, Fault> | undefined {
  return infoValue === undefined ? undefined : fail(fault('info-value', infoType));
}

function valueless(answer: (exchange: VerifiedExchange) => InfoTypeAndValue): InfoAnswer {
  return (item, exchange) => withoutValue(item) ?? ok(answer(exchange));
}

/** A certificate that what is secret may be encrypted to: the one for key agreement where there are two, as every client knows how. */
function caProtEncCert({ endpoint }: VerifiedExchange): InfoTypeAndValue {
  const infoType = oids.caProtEncCert;
  const active = activeEncryptionKeys(endpoint);
  const usable = active.find(({ secret }) => secret.kind === 'agreement') ?? active[0];
  return usable === undefined ? { infoType } : { infoType, infoValue: usable.certificate.der };
}

/** RFC 9483 section 4.3.1: the issuing CA and those between it and the root; roots are no matter of this answer. */
function caCerts({ endpoint }: VerifiedExchange): InfoTypeAndValue {
  const chain = endpoint.caChain.filter(({ subject, issuer }) => !isSameName(subject, issuer));
  return listItem(
    oids.caCerts,
    chain.map(({ der: bytes }) => bytes),
  );
}

function newRootOf({ endpoint }: VerifiedExchange): RootCaKeyUpdate | undefined {
  const configured = endpoint.profile.policy.cmp.generalMessages.rootUpdate;
  const [newWithNew, newWithOld, oldWithNew] = [configured?.newWithNew, configured?.newWithOld, configured?.oldWithNew].map((pem) =>
    pem === undefined ? undefined : fromPem('CERTIFICATE', pem)[0],
  );
  if (newWithNew === undefined) return undefined;
  return { newWithNew, ...(newWithOld && { newWithOld }), ...(oldWithNew && { oldWithNew }) };
}

/** RFC 9483 section 4.3.2: absent where there is nothing new for a device that has this root. */
function rootUpdate(item: InfoTypeAndValue, exchange: VerifiedExchange): Result<InfoTypeAndValue, Fault> {
  const current = item.infoValue === undefined ? ok(undefined) : questionOf(item, (cursor) => cursor.elementOf(tag.sequence));
  if (!current.ok) return current;
  const update = newRootOf(exchange);
  const isNews = update !== undefined && current.value?.equals(update.newWithNew) !== true;
  return ok(isNews ? rootCaKeyUpdateItem(update) : { infoType: oids.rootCaKeyUpdate });
}

function caKeyUpdateInfo(exchange: VerifiedExchange): InfoTypeAndValue {
  const update = newRootOf(exchange);
  const { newWithNew, newWithOld, oldWithNew } = update ?? {};
  const isWhole = newWithNew !== undefined && newWithOld !== undefined && oldWithNew !== undefined;
  return isWhole ? caKeyUpdateInfoItem({ newWithNew, newWithOld, oldWithNew }) : { infoType: oids.caKeyUpdateInfo };
}

/** RFC 9810 section 5.3.19.8: the parameters for keys of an algorithm; absent where such keys are not certified. */
function keyPairParam(item: InfoTypeAndValue, { endpoint }: VerifiedExchange): Result<InfoTypeAndValue, Fault> {
  const asked = questionOf(item, (cursor) => cursor.oid());
  if (!asked.ok) return asked;
  const infoType = oids.keyPairParamRep;
  const infoValue = algorithmOfKeyType(asked.value, endpoint.profile.policy);
  return ok(infoValue === undefined ? { infoType } : { infoType, infoValue });
}

/** RFC 9810 section 5.3.19.13: "exactly one" of the languages offered; all our texts are English. */
function language(item: InfoTypeAndValue): Result<InfoTypeAndValue, Fault> {
  const offered = questionOf(item, readLanguageTags);
  if (!offered.ok) return offered;
  const known = offered.value.find((text) => /^en(-|$)/i.test(text));
  return known === undefined ? fail(fault('info-language', offered.value.join(', '))) : ok(listItem(oids.suppLangTags, [der.utf8String(known)]));
}
