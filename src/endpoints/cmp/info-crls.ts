import { type Certificate, isSameName, parseCrlHead } from '../../pkix/index.js';
import { type CrlStatus, type InfoTypeAndValue, listItem, readCrlStatus, readListOf } from '../../protocol/cmp/index.js';
import { oids } from '../../protocol/der/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import type { VerifiedExchange } from './exchange.js';
import { type Fault, fault } from './fault.js';
import { questionOf } from './info-question.js';

/** The newest CRL of the profile's CA, if it gives one and the profile gives it on. */
async function crlOf({ endpoint, deps }: VerifiedExchange): Promise<Buffer | undefined> {
  return endpoint.profile.policy.cmp.generalMessages.crls ? deps.enrolment.currentCrl(endpoint.profile) : undefined;
}

/** RFC 9810 section 5.3.19.6. */
export async function currentCrlItem(exchange: VerifiedExchange): Promise<Result<InfoTypeAndValue, Fault>> {
  const infoValue = await crlOf(exchange);
  return infoValue === undefined ? fail(fault('info-unavailable', 'no CRL')) : ok({ infoType: oids.currentCRL, infoValue });
}

/** RFC 9483 section 4.3.4: a CRL newer than the one the device has, absent where there is none. Nothing is ever fetched for it. */
export async function newerCrlItem(item: InfoTypeAndValue, exchange: VerifiedExchange): Promise<Result<InfoTypeAndValue, Fault>> {
  const statuses = questionOf(item, (cursor) => readListOf(cursor, readCrlStatus));
  if (!statuses.ok) return statuses;
  const [status, ...further] = statuses.value;
  if (status === undefined || further.length > 0) return fail(fault('info-value', `${statuses.value.length} CRLStatus`));
  const der = isOurs(status, exchange) ? await crlOf(exchange) : undefined;
  const crl = der === undefined ? undefined : parseCrlHead(der);
  if (der === undefined || crl?.ok !== true) return ok({ infoType: oids.crls });
  const isNewer = status.thisUpdate === undefined || crl.value.thisUpdate > status.thisUpdate;
  return ok(listItem(oids.crls, isNewer ? [der] : []));
}

/** The CA by name; a distribution point by the one that stands in the certificates of the CA. */
function isOurs({ names }: CrlStatus, { endpoint }: VerifiedExchange): boolean {
  const [issuing] = endpoint.caChain;
  const certificates = endpoint.raKeys.map(({ certificate }) => certificate);
  return names.some(({ name, der }) =>
    name === undefined ? certificates.some((item) => hasPoint(item, der)) : issuing !== undefined && isSameName(name, issuing.subject),
  );
}

function hasPoint(certificate: Certificate, name: Buffer): boolean {
  return certificate.extensions.some(({ oid, value }) => oid === oids.cRLDistributionPoints && value.includes(name));
}
