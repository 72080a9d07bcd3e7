import type { Limits } from '../protocol/der/index.js';

/** What one certificate or request may cost when it comes by itself (inside a message, the message's limits have held already). */
export const objectLimits: Limits = { maxBytes: 256 * 1024, maxDepth: 32, maxNodes: 20_000 };
