import type { OutboundAnswer } from '../outbound.js';
import type { NoAnswer } from './client.js';
import { faultOf } from './soap.js';
import { errorAnswer, readJson } from './wire.js';

/**
 * What an answer means for the order. `refused`: EJBCA looked at the request and said no, for good. `notSent`: nothing was issued, and the
 * same request may succeed once the CA or the connector is set right: the order waits. `uncertain`: only a look-up tells.
 */
type Verdict = 'refused' | 'notSent' | 'uncertain';

interface Meaning {
  readonly verdict: Verdict;
  /** For the operator: what it means and what to do. */
  readonly says: string;
}

export const ejbcaFaults = {
  'ra-certificate-rejected': {
    verdict: 'notSent',
    says: 'EJBCA does not take our client certificate: has it expired, and does its CA stand in the trust store of this port?',
  },
  'ra-certificate-missing': {
    verdict: 'notSent',
    says: 'EJBCA saw no client certificate: use the port that asks for one (8443 by default), with no proxy that ends TLS before it.',
  },
  'ra-not-authorized': {
    verdict: 'notSent',
    says: 'The role of our client certificate lacks a right in EJBCA; add it to a role with access to the CA, the profiles and end entities.',
  },
  'rest-disabled': {
    verdict: 'notSent',
    says: 'The protocol is switched off in EJBCA: System Configuration, Protocol Configuration, enable "REST Certificate Management" and its V2.',
  },
  'unsupported-by-ca': { verdict: 'notSent', says: 'This version or edition of EJBCA does not have the call.' },
  misconfigured: {
    verdict: 'notSent',
    says: 'EJBCA does not know a name in the connector (CA, end entity profile or certificate profile), or does not show it to our role.',
  },
  'policy-violation': { verdict: 'refused', says: "The request does not fit EJBCA's end entity profile or certificate profile." },
  'duplicate-key': { verdict: 'refused', says: 'The key already belongs to another end entity, and the CA enforces unique public keys.' },
  'duplicate-subject': { verdict: 'refused', says: 'The subject already belongs to another end entity, and the CA enforces unique subject names.' },
  'ca-offline': { verdict: 'notSent', says: 'The CA in EJBCA, or its crypto token, is off-line.' },
  'ee-state': { verdict: 'notSent', says: 'The end entity was changed by someone else at the same moment.' },
  'approval-not-supported': {
    verdict: 'notSent',
    says: 'EJBCA wants approvals for this CA or certificate profile, which enrolment in one step cannot have: switch them off there and let orders wait for approval here.',
  },
  'waiting-for-approval': { verdict: 'notSent', says: 'EJBCA put the request before its own approvers.' },
  'already-revoked': { verdict: 'refused', says: 'The certificate is revoked already.' },
  'too-large': { verdict: 'refused', says: 'The request is larger than EJBCA or a proxy before it allows.' },
  'illegal-value': { verdict: 'refused', says: 'EJBCA does not allow a value of the request.' },
  'not-ejbca': { verdict: 'notSent', says: 'What answers at the connector URL is not the REST API of EJBCA.' },
  busy: { verdict: 'notSent', says: 'EJBCA, or a proxy before it, wants fewer requests.' },
  refused: { verdict: 'refused', says: 'EJBCA refused the request.' },
  internal: { verdict: 'uncertain', says: 'EJBCA failed inside; whether it issued something is found out by search.' },
} as const satisfies Readonly<Record<string, Meaning>>;

export type EjbcaFaultCode = keyof typeof ejbcaFaults;

export interface EjbcaFault {
  readonly code: EjbcaFaultCode;
  readonly verdict: Verdict;
  /** What EJBCA said, and what to do about it; at most 500 characters. */
  readonly reason: string;
}

interface Row {
  readonly code: EjbcaFaultCode;
  /** Only for these; any where absent. */
  readonly status?: readonly number[];
  /** In the answer's words, whose wording differs between versions. */
  readonly stem?: RegExp;
}

/** The first row that fits. Words come before bare statuses: EJBCA answers nearly everything with 400. */
const rows: readonly Row[] = [
  { code: 'rest-disabled', status: [403], stem: /service has been disabled/i },
  {
    code: 'ra-certificate-missing',
    status: [401, 403],
    stem: /no client certificate|certificate (?:or oauth token )?(?:is )?(?:required|missing)|authentication failed/i,
  },
  { code: 'approval-not-supported', stem: /single transaction enrollment|approvals are enabled/i },
  { code: 'waiting-for-approval', stem: /WaitingForApproval|waiting for approval|ApprovalException/i },
  { code: 'ca-offline', stem: /is not active|is off-?line|CAOffline|CryptoTokenOffline|device was unavailable/i },
  { code: 'duplicate-key', stem: /use same key|same public key|public key (?:is |has )?already/i },
  { code: 'duplicate-subject', stem: /same subject ?dn/i },
  {
    code: 'misconfigured',
    stem: /(?:ca with name|profile with name|certificate authority).{0,200}(?:doesn'?t|does not) exist|unknown (?:end entity profile|certificate profile|ca)\b|CADoesntExists|Error CA .{0,200} (?:doesn'?t|does not) exist/i,
  },
  { code: 'ra-not-authorized', stem: /not authori[sz]ed|AuthorizationDenied|access denied/i },
  { code: 'ee-state', stem: /got request with status|wrong password|got wrong status/i },
  {
    code: 'policy-violation',
    stem: /wrong number of|is not a part of|field .{0,100}must exist|must exist|fulfil?l|EndEntityProfileValidation|does(?:n'?t| not) match (?:the )?requirement|not (?:permitted|allowed) (?:by|in|for|to)|(?:key|algorithm|bit ?length|curve).{0,100}(?:not allowed|illegal|not permitted)|illegal key/i,
  },
  { code: 'already-revoked', status: [409], stem: /revoked/i },
  { code: 'duplicate-key', status: [409], stem: /key/i },
  { code: 'already-revoked', status: [409] },
  { code: 'unsupported-by-ca', status: [404], stem: /RESTEASY|could not find resource|no resource|not found/i },
  { code: 'unsupported-by-ca', status: [404, 405, 501] },
  { code: 'ra-not-authorized', status: [401, 403] },
  { code: 'too-large', status: [413] },
  { code: 'illegal-value', status: [422] },
  { code: 'busy', status: [429] },
  { code: 'not-ejbca', status: [300, 301, 302, 303, 307, 308] },
];

/** What an answer that is no success means (error map of the REST API, and of the web service by its words). */
export function faultIn(answer: OutboundAnswer): EjbcaFault {
  const said = wordsOf(answer);
  const isWorded = said.words !== undefined;
  const row = rows.find(
    ({ status, stem }) => (status?.includes(answer.status) ?? true) && (stem?.test(said.text) ?? true) && (stem === undefined || isWorded || said.text !== ''),
  );
  return fault(row?.code ?? restOf(answer.status, said), answer.status, said.text);
}

interface Said {
  /** EJBCA's own, where it spoke in one of its forms. */
  readonly words: string | undefined;
  /** All that can be shown. */
  readonly text: string;
  readonly isFault: boolean;
}

/** A refusal in EJBCA's own JSON is one; the web service's fault says by itself nothing about what was done before it. */
function restOf(status: number, { words, isFault }: Said): EjbcaFaultCode {
  if (isFault || status >= 500 || status === 408) return 'internal';
  return words === undefined ? 'not-ejbca' : 'refused';
}

function wordsOf({ status, body }: OutboundAnswer): Said {
  const error = readJson(errorAnswer, body);
  if (error !== undefined) return { words: error.error_message, text: error.error_message, isFault: false };
  const text = body.toString('utf8');
  const soap = text.includes('Fault') ? faultOf(text) : undefined;
  if (soap !== undefined) return { words: soap, text: soap, isFault: true };
  const plain = text
    .slice(0, 2_000)
    .replace(/<[^<>]*>/g, ' ')
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, 200);
  return { words: undefined, text: plain === '' ? `HTTP ${status}` : plain, isFault: false };
}

/** A call without an answer: never sent, or nobody knows. */
export function faultWithout({ kind, reason }: NoAnswer): EjbcaFault {
  if (kind === 'lost') return { code: 'internal', verdict: 'uncertain', reason };
  const isIdentity = reason.includes('client certificate');
  if (!isIdentity) return { code: 'ca-offline', verdict: 'notSent', reason };
  return { code: 'ra-certificate-rejected', verdict: 'notSent', reason: `${ejbcaFaults['ra-certificate-rejected'].says} (${reason})`.slice(0, 500) };
}

function fault(code: EjbcaFaultCode, status: number, text: string): EjbcaFault {
  const { verdict, says } = ejbcaFaults[code];
  const words = text.replace(/[\p{Cc}\s]+/gu, ' ').slice(0, 250);
  return { code, verdict, reason: `${says} EJBCA said (${status}): ${words}`.slice(0, 500) };
}
