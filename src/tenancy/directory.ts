import type { KeyObject } from 'node:crypto';
import type { Certificate, Signer } from '../pkix/index.js';
import type { RaKey, RaKeyState, RaKeyUsage } from './credentials.js';
import type { LoadedEncryptionKey } from './encryption-key.js';
import type { CmpProfile, Profile, Protocol, ScepProfile } from './profile.js';

/** An RA key ready for use: parsed and imported once per process. */
export interface LoadedRaKey {
  readonly id: string;
  readonly state: RaKeyState;
  readonly usage: RaKeyUsage;
  readonly origin: RaKey['origin'];
  readonly certificate: Certificate;
  /** Issuing CA first, root last. */
  readonly chain: readonly Certificate[];
  readonly privateKey: KeyObject;
  readonly signer: Signer;
}

interface Endpoint<P extends Profile> {
  readonly profile: P;
  /** Active first, then retiring, then next; only keys with a certificate. */
  readonly raKeys: readonly LoadedRaKey[];
  /** The CA chain of the profile's connector: issuing CA first, root last; empty while unknown. */
  readonly caChain: readonly Certificate[];
}

export interface ScepEndpoint extends Endpoint<ScepProfile> {
  /** The chain of the CA that follows, issuing CA first, once it is known; devices learn of it by GetNextCACert. */
  readonly nextCaChain?: readonly Certificate[];
}

export interface CmpEndpoint extends Endpoint<CmpProfile> {
  /** Keys that sign nothing, active ones first; absent where the profile wants none. */
  readonly encryptionKeys?: readonly LoadedEncryptionKey[];
  /** From the policy: whose devices may ask for a first certificate by signature. */
  readonly trustAnchors: readonly Certificate[];
}

/** The endpoints of this moment, in memory; changes in the database reach it within a second. Inactive profiles are not in it. */
export interface EndpointDirectory {
  scep(endpointPath: string): ScepEndpoint | undefined;
  cmp(endpointPath: string): CmpEndpoint | undefined;
  defaultCmp(): CmpEndpoint | undefined;
  /** A profile that serves this absolute path as one of its `legacyPaths`. */
  legacy(protocol: Protocol, path: string): string | undefined;
}
