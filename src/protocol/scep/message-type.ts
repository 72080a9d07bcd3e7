/** RFC 8894 §3.2.1.2, IANA "SCEP Message Types". The list is closed: a number that is not here is never acted upon (CVE-2026-30836). */
export const messageTypes = { CertRep: 3, RenewalReq: 17, PKCSReq: 19, CertPoll: 20, GetCert: 21, GetCRL: 22 } as const;
export type MessageType = keyof typeof messageTypes;

/** What a client may send. */
export const requestTypes = ['RenewalReq', 'PKCSReq', 'CertPoll', 'GetCert', 'GetCRL'] as const satisfies readonly MessageType[];
export type RequestType = (typeof requestTypes)[number];

export function requestTypeOf(messageType: number): RequestType | undefined {
  return requestTypes.find((type) => messageTypes[type] === messageType);
}

/** RFC 8894 §3.2.1.3. */
export const pkiStatuses = { SUCCESS: 0, FAILURE: 2, PENDING: 3 } as const;
export type PkiStatus = keyof typeof pkiStatuses;

/** RFC 8894 §3.2.1.4. */
export const failInfos = { badAlg: 0, badMessageCheck: 1, badRequest: 2, badTime: 3, badCertId: 4 } as const;
export type ScepFailInfo = keyof typeof failInfos;
