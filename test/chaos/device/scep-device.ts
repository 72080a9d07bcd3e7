/** A SCEP device that does not give up: the same bytes or the same transaction again, polls, and sometimes asks once more after the end. */
import { type Conversation, exchange, exchangeOften, type Fleet, persist, type Verdict } from './fleet.js';
import { openCertRep, readCertRep } from './scep-message.js';
import { certPoll, newScepTransaction, pkcsReq, type ScepTransaction } from './scep-transaction.js';

export async function enrolScep(fleet: Fleet, commonName: string): Promise<void> {
  const transaction = newScepTransaction(commonName, fleet.random.pick(fleet.keys), fleet.scep, fleet.random.chance(0.5) ? 'aes128' : 'aes256');
  const conversation = converse(fleet, transaction);
  const { history } = conversation;
  let request = pkcsReq(transaction, fleet.scep);
  const verdict = await persist(fleet, (before) => {
    if (before === 'pending' && fleet.random.chance(0.8)) return exchangeOften(conversation, certPoll(transaction, fleet.scep));
    if (history.sends > 0 && fleet.random.chance(0.5)) request = pkcsReq(transaction, fleet.scep);
    return exchangeOften(conversation, request);
  });
  history.isFinished = verdict === 'done';
  if (verdict === 'done' && fleet.random.chance(0.3)) await exchange(conversation, fleet.random.chance(0.5) ? request : pkcsReq(transaction, fleet.scep));
}

function converse(fleet: Fleet, transaction: ScepTransaction): Conversation {
  const history = fleet.history.begin('scep', transaction.transactionId, transaction.commonName);
  const { privateKey, spki } = transaction.key;
  const read = (bytes: Buffer): Verdict => {
    const answer = readCertRep(bytes);
    if (!answer.isSignedBy(fleet.scep.raKey)) throw new Error('The CertRep is not signed by the RA.');
    switch (answer.status) {
      case 'failure':
        history.noteRefused(`failInfo ${answer.failInfo}`);
        return 'refused';
      case 'pending':
        history.notePending();
        return 'pending';
      case 'success':
        history.noteIssued(openCertRep(answer.content ?? Buffer.alloc(0), privateKey, spki).der);
        return 'done';
    }
  };
  return { fleet, history, path: fleet.scep.path, contentType: 'application/x-pki-message', read };
}
