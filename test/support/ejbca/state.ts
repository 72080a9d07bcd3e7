import type { Ca } from './pki.js';

/** How the fake behaves, apart from single calls; every value may be changed over the control port. */
export interface Settings {
  /** Protocol Configuration. */
  restV1: boolean;
  restV2: boolean;
  /** v1/ca and v1/ca_management are not in every edition. */
  caCalls: boolean;
  webService: boolean;
  /** Whether the client's role has `/administrator`. */
  isAdministrator: boolean;
  isCaActive: boolean;
  hasToken: boolean;
  hasApprovals: boolean;
  revocationApprovals: boolean;
  uniqueKeys: boolean;
  uniqueNames: boolean;
  /** The search shows a certificate so much later than it was issued. */
  searchLagMs: number;
  /** The search hides everything, as where the profile stores no certificates. */
  isSearchBlind: boolean;
  /** Relative names of subjects are put into EJBCA's own order: common name first. */
  ordersNames: boolean;
  /** Fields that the end entity profile does not know: `UNIFORMRESOURCEIDENTIFIER`. */
  forbiddenFields: string[];
  /** So many certificates of before stand in every revocation list, about 40 octets each. */
  revokedBefore: number;
}

export const usualSettings: Settings = {
  restV1: true,
  restV2: true,
  caCalls: true,
  webService: true,
  isAdministrator: true,
  isCaActive: true,
  hasToken: true,
  hasApprovals: false,
  revocationApprovals: false,
  uniqueKeys: true,
  uniqueNames: true,
  searchLagMs: 0,
  isSearchBlind: false,
  ordersNames: false,
  forbiddenFields: [],
  revokedBefore: 0,
};

/** What goes wrong with a certificate (fault point F11). */
export type Wrong = 'key' | 'name' | 'subject' | 'ca' | 'expired' | 'issuer' | 'garbage';

/** What happens to the next calls of one kind. */
export interface Rule {
  /** `pkcs10enroll`, `search`, `revoke`, `soap:certificateRequest`, ...; `*` for every call. */
  readonly call: string;
  /** How many calls; one where absent. */
  readonly times?: number;
  /** In every hundred calls, chosen at random; all where absent. */
  readonly percent?: number;
  readonly latencyMs?: number;
  /** Instead of working: this status with this body. */
  readonly status?: number;
  readonly body?: unknown;
  /** Without working: the connection is cut, or nothing is ever answered. */
  readonly instead?: 'cut' | 'hang';
  /** After working. */
  readonly after?: 'cut' | 'hang' | 'truncate' | 'flood' | 'status';
  /** The answer never comes, and the work is done so much later. */
  readonly lateMs?: number;
  readonly wrong?: Wrong;
}

export interface EndEntity {
  readonly username: string;
  subject: string;
  caName: string;
}

export interface Issued {
  readonly username: string;
  readonly der: Buffer;
  readonly serial: string;
  readonly caName: string;
  readonly endEntityProfile: string;
  readonly certificateProfile: string;
  /** As EJBCA writes them. */
  readonly subject: string;
  readonly keyHash: string;
  readonly issuedAt: number;
  revokedAt?: number;
  /** CRLReason number. */
  reason?: number;
}

export interface State {
  settings: Settings;
  rules: { rule: Rule; left: number }[];
  readonly cas: ReadonlyMap<string, Ca>;
  readonly endEntityProfiles: readonly string[];
  readonly certificateProfiles: readonly string[];
  readonly entities: Map<string, EndEntity>;
  issued: Issued[];
  /** Calls seen, by kind. */
  readonly calls: Map<string, number>;
  crlNumber: number;
}

/** A call that EJBCA refuses: status and text. */
export class Refused extends Error {
  readonly status: number;
  /** The web service names its exceptions. */
  readonly exception: string;

  constructor(status: number, text: string, exception = 'EjbcaException') {
    super(text);
    this.status = status;
    this.exception = exception;
  }
}
