import type { OutboundAnswer, OutboundOutcome } from '../outbound.js';
import { errorAnswer, readJson } from './wire.js';

/** `refused`: never for this request. `notSent`: nothing was issued, and later it may be. `uncertain`: nobody knows. */
export type Verdict = 'refused' | 'notSent' | 'uncertain';

export interface VaultFault {
  readonly code: VaultFaultCode;
  readonly verdict: Verdict;
  /** For the operator: what it means, and what Vault said. */
  readonly reason: string;
}

/** Every fault, with what it means for a request and what to do about it. */
export const vaultFaults = {
  unreachable: { verdict: 'notSent', says: 'Vault cannot be reached.' },
  lost: { verdict: 'uncertain', says: 'Vault did not answer.' },
  'login-refused': { verdict: 'notSent', says: 'Vault does not take the role id and secret id; give the client id and secret anew.' },
  'not-authorised': { verdict: 'notSent', says: "The policy of the AppRole does not allow this call; see the connector's page for the policy it needs." },
  'not-found': { verdict: 'notSent', says: 'There is no PKI secrets engine at this path, or no such issuer in it; check the URL, the namespace and the CA.' },
  'unknown-role': { verdict: 'notSent', says: 'The secrets engine has no such role; check the profile.' },
  'no-issuer': { verdict: 'notSent', says: 'The secrets engine has no issuer that can sign.' },
  'policy-violation': { verdict: 'refused', says: 'The role does not allow what was asked for.' },
  'key-not-allowed': { verdict: 'refused', says: 'The role does not certify keys of this kind.' },
  'csr-invalid': { verdict: 'refused', says: 'Vault cannot read the certification request, or its signature is wrong.' },
  'validity-not-allowed': { verdict: 'refused', says: 'The certificate would end after its CA.' },
  'certificate-not-found': { verdict: 'refused', says: 'The secrets engine knows no such certificate; was it issued by a role that stores none?' },
  unclassified: { verdict: 'notSent', says: 'Vault refused the call.' },
  standby: { verdict: 'notSent', says: 'This is a standby that takes no calls; use the address of the cluster.' },
  throttled: { verdict: 'notSent', says: 'Vault asks for fewer calls.' },
  sealed: { verdict: 'notSent', says: 'Vault is sealed or down for maintenance.' },
  internal: { verdict: 'uncertain', says: 'Vault failed in the middle of the call.' },
} as const satisfies Record<string, { readonly verdict: Verdict; readonly says: string }>;
export type VaultFaultCode = keyof typeof vaultFaults;

/** By stems of what Vault and OpenBao say, in lower case: their errors are texts only. The first that fits. */
const stems: readonly (readonly [stem: RegExp, code: VaultFaultCode, statuses?: readonly number[]])[] = [
  [/invalid role or secret id|invalid role id|invalid secret id|failed to validate credentials/, 'login-refused'],
  [/permission denied|missing client token|invalid token/, 'not-authorised'],
  [/unknown role|role .*not found|no such role/, 'unknown-role'],
  [
    /no default issuer|no issuers? .*configured|unable to fetch .*issuer|backend must be configured with a ca|issuer .*has been revoked|no ca information/,
    'no-issuer',
  ],
  [/unable to find .*issuer|no handler for route|unsupported path|route entry not found|unable to resolve issuer|no such issuer/, 'not-found'],
  [/certificate with serial .*not found|no certificate .*found/, 'certificate-not-found'],
  [/beyond the expiration of the ca|notafter .*ca certificate/, 'validity-not-allowed'],
  [/requires keys? of type|minimum of a .*bit key|keys < \d+ bits|unknown key type|unsupported key/, 'key-not-allowed'],
  [
    /not allowed (by|in) this role|is not allowed|common_name field is required|is not a valid|not_(before|after)_bound|other san/,
    'policy-violation',
    [400, 422],
  ],
  [/request could not be parsed|could not parse csr|contains no data|csr" is empty|empty publickey|request signature/, 'csr-invalid'],
];

const byStatus: Readonly<Record<number, VaultFaultCode>> = {
  403: 'not-authorised',
  404: 'not-found',
  405: 'not-found',
  412: 'standby',
  429: 'throttled',
  472: 'standby',
  473: 'standby',
  503: 'sealed',
};

/** What an outcome means that is not the answer one hoped for. */
export function faultOf(outcome: OutboundOutcome): VaultFault {
  if (outcome.kind !== 'answered') return fault(outcome.kind === 'lost' ? 'lost' : 'unreachable', outcome.reason);
  const text = textOf(outcome);
  return fault(codeOf(outcome.status, text.toLowerCase()), `${outcome.status}: ${text}`);
}

/** A server error tells how far a call came only where its text does: a 5xx with any other text leaves it open. */
function codeOf(status: number, text: string): VaultFaultCode {
  const [, said] = stems.find(([stem, , statuses]) => stem.test(text) && (statuses === undefined || statuses.includes(status))) ?? [];
  if (said !== undefined && (status < 500 || said === 'no-issuer')) return said;
  if (status >= 300 && status < 400) return 'standby';
  return byStatus[status] ?? (status >= 500 || status < 300 || status === 408 ? 'internal' : 'unclassified');
}

function textOf({ status, body }: OutboundAnswer): string {
  const errors = readJson(errorAnswer, body)?.errors ?? [];
  return errors.length > 0 ? errors.join('; ') : `HTTP ${status}`;
}

export function fault(code: VaultFaultCode, said: string): VaultFault {
  const { verdict, says } = vaultFaults[code];
  const words = said.replace(/[\p{Cc}\s]+/gu, ' ').trim();
  return { code, verdict, reason: `${says} (${words.slice(0, 300)})` };
}
