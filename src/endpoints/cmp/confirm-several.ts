import type { Confirmation } from '../../enrolment/service.js';
import type { CertStatus } from '../../protocol/cmp/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import { checkStatus } from './cert-status.js';
import { type CmpReply, refuse, send, type VerifiedExchange } from './exchange.js';
import { type Fault, fault } from './fault.js';
import type { CmpSession } from './session.js';
import { type FoundMember, findMembers, membersOf } from './several.js';
import { confirmationFault } from './translate.js';

interface Word {
  readonly member: FoundMember;
  readonly isAccepted: boolean;
}

/**
 * certConf for several certificates (RFC 9810 section 5.3.18): every status must be sound before any counts; a certificate that the
 * device has and does not name is refused. Those that still wait get their confirmation when they have come.
 */
export async function confirmSeveral(exchange: VerifiedExchange, session: CmpSession, statuses: readonly CertStatus[]): Promise<CmpReply> {
  const { endpoint, peer, deps } = exchange;
  const members = await findMembers(exchange, membersOf(exchange, session));
  const words = readWords(members, statuses, exchange.header.pvno);
  if (!words.ok) return refuse(exchange, peer, words.error);
  const said = await Promise.all(words.value.map(({ member, isAccepted }) => deps.enrolment.confirm(endpoint.profile, member.stored, isAccepted)));
  const situation = said.map((confirmation: Confirmation) => confirmationFault[confirmation]).find((item) => item !== undefined);
  return situation === undefined ? send(exchange, peer, { body: { type: 'pkiconf' } }) : refuse(exchange, peer, fault(situation, said.join(', ')));
}

function readWords(members: readonly FoundMember[], statuses: readonly CertStatus[], pvno: number): Result<readonly Word[], Fault> {
  const issued = members.filter(({ stored }) => stored.certificate !== null);
  if (issued.length === 0) return fail(fault('not-awaited'));
  const named = new Set(statuses.map(({ certReqId }) => certReqId));
  if (named.size < statuses.length) return fail(fault('cert-status', 'a certReqId stands twice'));
  const words: Word[] = [];
  for (const status of statuses) {
    const member = issued.find(({ certReqId }) => certReqId === status.certReqId);
    if (member === undefined || member.stored.certificate === null) return fail(fault('cert-req-id', String(status.certReqId)));
    const isAccepted = checkStatus(status, pvno, member.stored.certificate);
    if (!isAccepted.ok) return isAccepted;
    words.push({ member, isAccepted: isAccepted.value });
  }
  const unnamed = issued.filter(({ certReqId, stored }) => !named.has(certReqId) && stored.order.state === 'DELIVERED');
  return ok([...words, ...unnamed.map((member) => ({ member, isAccepted: false }))]);
}
