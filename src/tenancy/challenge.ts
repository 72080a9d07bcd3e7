import type { Context, SystemContext, TenantContext } from './context.js';

/** What a minted challenge is bound to. */
export interface ChallengeBinding {
  /** RFC 4514 text; `*` in a value stands for any text. null: any subject. */
  readonly subject: string | null;
  /** `dns:device.example`, `ip:192.0.2.1`, ...: the only names that may be asked for. null: the subject's common name, or any where no subject is bound. */
  readonly sans: readonly string[] | null;
  /** The device as its management system knows it; the account's identity. */
  readonly deviceId: string | null;
}

/** A challenge made for one device. The challenge itself is shown once and stored only as `challengeMac`. */
export interface MintedChallenge extends ChallengeBinding {
  readonly id: string;
  readonly profileId: string;
  readonly maxUses: number;
  readonly used: number;
  readonly expiresAt: Date;
  /** By the clock of the database. */
  readonly isExpired: boolean;
}

export type NewChallenge = Omit<MintedChallenge, 'used' | 'isExpired'> & { readonly mac: Buffer };

/** Minted challenges. They are used up by `OrderStore`, in the commit that records the order. */
export interface ChallengeStore {
  mint(context: TenantContext, challenge: NewChallenge): Promise<void>;
  /** One that was derived elsewhere and is seen for the first time; returns what then stands there, whoever was quicker. */
  admit(context: TenantContext, challenge: NewChallenge): Promise<MintedChallenge>;
  /** Also those that are used up or expired. */
  find(context: Context, profileId: string, mac: Buffer): Promise<MintedChallenge | undefined>;
  /** Forgets what expired a month ago: until then a re-use can be recognised as one. Returns how many. */
  forget(context: SystemContext): Promise<number>;
}

/** Letters and digits, as `generateCredential` makes them. */
export function mayBeMinted(challenge: string): boolean {
  return /^[A-Za-z0-9]{22,32}$/.test(challenge);
}
