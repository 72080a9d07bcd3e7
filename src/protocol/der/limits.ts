/** What one untrusted message may cost before its meaning is known. */
export interface Limits {
  /** bytes of the whole message */
  readonly maxBytes: number;
  /** levels of nesting */
  readonly maxDepth: number;
  /** elements in all */
  readonly maxNodes: number;
}

export const scepLimits: Limits = { maxBytes: 256 * 1024, maxDepth: 32, maxNodes: 2_000 };
export const cmpLimits: Limits = { maxBytes: 256 * 1024, maxDepth: 32, maxNodes: 20_000 };
