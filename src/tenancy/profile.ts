import type { ChallengeCheck } from './challenge-check.js';
import type { Policy } from './policy.js';

export const protocols = ['scep', 'cmp'] as const;
export type Protocol = (typeof protocols)[number];
export const statuses = ['active', 'inactive'] as const;
export type Status = (typeof statuses)[number];
/** `none`: anyone may ask. The last three have a `ChallengeCheck`. Minted challenges are valid in every mode. */
export const challengeModes = ['static', 'one-time', 'none', 'hmac', 'webhook', 'intune'] as const;
export type ChallengeMode = (typeof challengeModes)[number];

/** ONE segment, unique per protocol over all tenants. */
export const endpointPathPattern = /^[A-Za-z0-9._-]{1,64}$/;

/** Settings that a profile may set and that then override its connector's. */
export interface IssuingOverrides {
  readonly caName?: string;
  readonly endEntityProfile?: string;
  readonly certificateProfile?: string;
  readonly caId?: string;
  readonly profileId?: string;
}

interface ProfileFields {
  readonly id: string;
  readonly tenantId: string;
  readonly connectorId: string;
  readonly name: string;
  readonly endpointPath: string;
  readonly legacyPaths: readonly string[];
  readonly description: string;
  readonly status: Status;
  readonly policy: Policy;
  readonly overrides: IssuingOverrides;
  /** Grows by one with every change; the ETag of the API. */
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface ScepProfile extends ProfileFields {
  readonly protocol: 'scep';
  readonly publicBaseUrl: string | null;
  readonly challengeMode: ChallengeMode;
  /** HMAC-SHA-256 of the static challenge under the server's challenge key; null without one. */
  readonly challengeMac: Buffer | null;
  readonly challengeUpdatedAt: Date | null;
  /** Of the mode's kind in modes hmac, webhook and intune; else null or absent. */
  readonly challengeCheck?: ChallengeCheck | null;
}

export interface CmpProfile extends ProfileFields {
  readonly protocol: 'cmp';
  /** "Java Base URL": the public base URL of the CMP server. */
  readonly javaBaseUrl: string | null;
  /** Serves `/.well-known/cmp` without a name. */
  readonly isDefault: boolean;
}

export type Profile = ScepProfile | CmpProfile;
