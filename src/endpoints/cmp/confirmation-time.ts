import { confirmationTime, isTimeRunning } from '../../enrolment/confirmation-time.js';
import type { Issued } from '../../enrolment/outcome.js';
import type { TransactionQuery } from '../../enrolment/service.js';
import type { VerifiedExchange } from './exchange.js';
import { type CmpSession, decodeSession } from './session.js';

/**
 * The session of an issued certificate, with the time that its device has for the confirmation. A copy of the answer names the same
 * time again; where that is over or was put off because nobody had come for the certificate, it begins anew, once more recorded before
 * it is promised.
 */
export async function namedTime(exchange: VerifiedExchange, query: TransactionQuery, { session }: Issued): Promise<CmpSession> {
  const { confirmWait, confirmedAt, confirmMissed } = session;
  const isAwaited = confirmWait !== undefined && typeof confirmedAt !== 'number' && confirmMissed !== true;
  if (!isAwaited || isTimeRunning(session, exchange.now)) return decodeSession(session);
  const time = confirmationTime(session, exchange.now);
  await exchange.deps.enrolment.updateSession(exchange.endpoint.profile, query, time);
  return decodeSession({ ...session, ...time });
}
