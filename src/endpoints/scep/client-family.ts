/** What of a request betrays its sender. */
export interface WireMarks {
  readonly userAgent: string;
  readonly contentType: string;
  readonly method: 'GET' | 'POST';
  /** Empty before the message was read. */
  readonly transactionId: string;
}

export const clientFamilies = ['gatehouse', 'strongswan', 'certmonger', 'sscep', 'cisco-ios', 'apple', 'jscep', 'micromdm', 'unknown'] as const;
export type ClientFamily = (typeof clientFamilies)[number];

const rules: readonly (readonly [family: ClientFamily, test: (marks: WireMarks) => boolean])[] = [
  ['gatehouse', ({ userAgent }) => /^gatehouse/i.test(userAgent)],
  ['cisco-ios', ({ userAgent }) => /Cisco PKI/i.test(userAgent)],
  ['apple', ({ userAgent }) => /CFNetwork|Darwin|mdmclient|profiled/i.test(userAgent)],
  ['jscep', ({ userAgent }) => /jscep|^Java\//i.test(userAgent)],
  ['micromdm', ({ userAgent }) => /Go-http-client|micromdm/i.test(userAgent)],
  ['sscep', ({ userAgent }) => /sscep/i.test(userAgent)],
  ['certmonger', ({ userAgent }) => /certmonger|scep-submit/i.test(userAgent)],
  ['strongswan', ({ userAgent }) => /strongswan/i.test(userAgent)],
  ['sscep', ({ method, contentType, transactionId }) => method === 'POST' && contentType === '' && /^[0-9A-F]{32}$/.test(transactionId)],
  ['strongswan', ({ method, contentType, transactionId }) => method === 'POST' && contentType === '' && /^[0-9A-F]{40}$/.test(transactionId)],
  ['certmonger', ({ method, userAgent, transactionId }) => method === 'GET' && userAgent === '' && /^\d{30,}$/.test(transactionId)],
];

/** A guess for lists and statistics; nothing is decided by it. */
export function clientFamilyOf(marks: WireMarks): ClientFamily {
  return rules.find(([, test]) => test(marks))?.[0] ?? 'unknown';
}
