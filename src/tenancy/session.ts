import { createHash, randomBytes } from 'node:crypto';
import type { Secret } from '../runtime/secret.js';
import type { User } from './user.js';

export const sessionMethods = ['password', 'oidc'] as const;
/** What must be done before the session is good for anything else. */
export const sessionRestrictions = ['change-password', 'enrol-totp'] as const;
export type SessionRestriction = (typeof sessionRestrictions)[number];

/** A user signed in at one browser. */
export interface Session {
  readonly id: string;
  readonly userId: string;
  /** The tenant the user works in; null: every tenant of a user who has every tenant. */
  readonly tenantId: string | null;
  readonly method: (typeof sessionMethods)[number];
  readonly restriction: SessionRestriction | null;
  /** Address it was begun from. */
  readonly source: string;
  readonly userAgent: string;
  readonly createdAt: Date;
  /** Exact to a minute. */
  readonly lastUsedAt: Date;
  /** The end whatever happens; it ends earlier when it is not used. */
  readonly expiresAt: Date;
}

export interface SessionTimes {
  /** Ends after so long without a request. */
  readonly idleMs: number;
  /** Ends after so long in any case. */
  readonly absoluteMs: number;
}

/** The sessions of all processes. `now` comes from the caller's clock. */
export interface SessionStore {
  /** `idToken`: what the identity provider wants to see again at the end; kept sealed. */
  begin(session: Session, tokenHash: Buffer, idToken?: Secret): Promise<void>;
  /** The session with its user, when both are alive; notes the use at most once a minute. */
  find(tokenHash: Buffer, now: Date, idleMs: number): Promise<{ readonly session: Session; readonly user: User } | undefined>;
  /** Those that are alive, newest first. */
  listOf(userId: string, now: Date, idleMs: number): Promise<readonly Session[]>;
  /** Another cookie for the same session, from now on without `restriction` where that is given. */
  renew(id: string, tokenHash: Buffer, restriction: SessionRestriction | null): Promise<void>;
  setTenant(id: string, tenantId: string | null): Promise<void>;
  /** The identity provider's token of a session, where it has one. */
  idToken(id: string): Promise<Secret | undefined>;
  /** False when it is not a session of this user. */
  end(userId: string, id: string): Promise<boolean>;
  /** Ends all of a user but `except`; returns how many. */
  endAll(userId: string, except?: string): Promise<number>;
  /** Removes what ended by itself. */
  forget(now: Date, idleMs: number): Promise<number>;
}

/** 256 random bits, base64url: the content of a new session's cookie. Never stored. */
export function generateSessionToken(): string {
  return randomBytes(32).toString('base64url');
}

export function isSessionToken(text: string): boolean {
  return /^[A-Za-z0-9_-]{43}$/.test(text);
}

/** What is stored of the cookie: SHA-256, 32 bytes. It has enough entropy to need no slow hash. */
export function hashSessionToken(token: string): Buffer {
  return createHash('sha256').update(`session ${token}`, 'utf8').digest();
}
