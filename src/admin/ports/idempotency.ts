/** An answer kept for its Idempotency-Key. It may hold a secret shown once: a store that writes it down must seal it. */
export interface KeptAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Whose key it is: keys of different callers never meet. */
export interface IdempotencyKey {
  /** The caller's tenant; null when it sees every tenant. */
  readonly tenantId: string | null;
  readonly actor: string;
  /** As the caller sent it. */
  readonly key: string;
}

/** A key that one request holds until it is answered. */
export interface HeldKey {
  /** The answer to give to every repetition. */
  keep(answer: KeptAnswer): Promise<void>;
  /** The request failed: the key may be used again. */
  release(): Promise<void>;
}

/** `mine`: the key is new and now held by this request. `busy`: another request with the same key is still under way. */
export type IdempotencyClaim =
  | { readonly kind: 'mine'; readonly held: HeldKey }
  | { readonly kind: 'kept'; readonly answer: KeptAnswer }
  | { readonly kind: 'other-request' }
  | { readonly kind: 'busy' };

/** Answers by Idempotency-Key. `fingerprint`: a keyed digest of method, path and body, in hexadecimal. */
export interface IdempotencyStore {
  claim(key: IdempotencyKey, fingerprint: string, expiresAt: Date): Promise<IdempotencyClaim>;
}
