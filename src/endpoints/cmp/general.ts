import { refusals } from '../../enrolment/refusal.js';
import { type InfoTypeAndValue, listItem } from '../../protocol/cmp/index.js';
import { der, oids } from '../../protocol/der/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import { encryptionCertificatesFor } from './encryption-keys.js';
import { type CmpReply, errorBody, refuse, send, type VerifiedExchange } from './exchange.js';
import { type Fault, fault } from './fault.js';
import { type InfoAnswer, infoAnswers } from './info-answers.js';
import type { OperationLabel } from './operation-label.js';
import { evidenceOf, failInfoOf } from './translate.js';

/** More in one message are a load, not a question. */
const maxItems = 20;

/** Answered by a CRL, which may have megabytes: twenty of them to one question are a load too. */
const lists: ReadonlySet<string> = new Set([oids.currentCRL, oids.crlStatusList]);

/** What each label asks for (RFC 9483 section 6.1, table 1). */
const labelled: Partial<Record<OperationLabel, string>> = {
  getcacerts: oids.caCerts,
  getrootupdate: oids.rootCaCert,
  getcertreqtemplate: oids.certReqTemplate,
  getcrls: oids.crlStatusList,
};

/** The answer to an empty list, which asks for whatever the server likes to tell (RFC 9810 section 5.3.19); OpenSSL 3.0 sends one. */
const volunteered = [oids.caCerts, oids.signKeyPairTypes, oids.encKeyPairTypes, oids.preferredSymmAlg].map((infoType) => ({ infoType }));

/** genm (RFC 9483 section 4.3, RFC 9810 section 5.3.19): questions of those who belong to the profile, answered by one genp. */
export async function answerGeneralMessage(exchange: VerifiedExchange, items: readonly InfoTypeAndValue[]): Promise<CmpReply> {
  const { endpoint, peer, deps } = exchange;
  if (!endpoint.profile.policy.cmp.generalMessages.serve) return refuse(exchange, peer, fault('body-type', 'genm'));
  const recognised = await deps.enrolment.recognise(endpoint.profile, evidenceOf(peer));
  if (!recognised.ok) {
    const { code } = recognised.error;
    return send(exchange, peer, { body: errorBody(failInfoOf[code], refusals[code]) });
  }
  const sound = checkItems(exchange, items);
  if (!sound.ok) return refuse(exchange, peer, sound.error);
  const answers = await answerAll(exchange, items.length === 0 ? volunteered : items);
  if (!answers.ok) return refuse(exchange, peer, answers.error);
  const extraCerts = encryptionCertificatesFor(
    endpoint,
    items.map(({ infoType }) => infoType),
  );
  return send(exchange, peer, { body: { type: 'genp', items: answers.value }, ...(extraCerts.length > 0 && { extraCerts }) });
}

/** RFC 9483 section 4.3 wants exactly one; RFC 9810 allows several, or none. */
function checkItems({ endpoint, header, context }: VerifiedExchange, items: readonly InfoTypeAndValue[]): Result<true, Fault> {
  const isStrict = endpoint.profile.policy.cmp.conduct === 'strict';
  if (isStrict && header.known.implicitConfirm) return fail(fault('general-info-contradictory', 'implicitConfirm in genm'));
  if (items.length > maxItems || (isStrict && items.length !== 1)) return fail(fault('several-infos', String(items.length)));
  if (items.filter(({ infoType }) => lists.has(infoType)).length > 1) return fail(fault('several-infos', 'more than one list of revocations'));
  const asked = context.label === undefined ? undefined : labelled[context.label];
  const isElse = asked !== undefined && items.some(({ infoType }) => infoType !== asked);
  return isElse ? fail(fault('label', `another infoType at ${context.label}`)) : ok(true);
}

async function answerAll(exchange: VerifiedExchange, items: readonly InfoTypeAndValue[]): Promise<Result<readonly InfoTypeAndValue[], Fault>> {
  const answers: InfoTypeAndValue[] = [];
  const unsupported: string[] = [];
  for (const item of items) {
    const answer = answerOf(item, exchange);
    if (answer === undefined) unsupported.push(item.infoType);
    else {
      const answered = await answer(item, exchange);
      if (!answered.ok) return answered;
      answers.push(answered.value);
    }
  }
  if (unsupported.length === 0) return ok(answers);
  if (exchange.endpoint.profile.policy.cmp.conduct === 'strict') return fail(fault('info-type', unsupported.join(', ')));
  // RFC 9810 section 5.3.19.7.
  return ok([
    ...answers,
    listItem(
      oids.unsupportedOIDs,
      [...new Set(unsupported)].map((oid) => der.oid(oid)),
    ),
  ]);
}

/** Undefined for types that are not served; the deprecated one belongs to pvno 2 (RFC 9810 appendix F). */
function answerOf({ infoType }: InfoTypeAndValue, { header, endpoint }: VerifiedExchange): InfoAnswer | undefined {
  if (infoType === oids.caKeyUpdateInfo && header.pvno > 2) return undefined;
  if (infoType === oids.revPassphrase && !endpoint.profile.policy.cmp.revocation.passphrases) return undefined;
  return Object.hasOwn(infoAnswers, infoType) ? infoAnswers[infoType] : undefined;
}
