import type { RefusalCode } from './refusal.js';

/** What a device is told when a CA refuses for good and says why. */
export type CaRefusal = Extract<RefusalCode, 'ca-policy' | 'ca-duplicate' | 'ca-key' | 'ca-proof'>;

/** The words that connectors have in common for what their CAs say; those of Crypto Engine API v1 among them. */
const meanings: Readonly<Record<string, CaRefusal>> = {
  'policy-violation': 'ca-policy',
  'validity-not-allowed': 'ca-policy',
  'illegal-value': 'ca-policy',
  'csr-invalid': 'ca-policy',
  'duplicate-key': 'ca-duplicate',
  'duplicate-subject': 'ca-duplicate',
  'key-not-allowed': 'ca-key',
  'pop-failed': 'ca-proof',
};

/** The member `code` of an answer that refuses; none where the CA's word says no more than that it refused. */
export function caRefusalOf(word: string | undefined): { readonly code?: CaRefusal } {
  const code = word === undefined || !Object.hasOwn(meanings, word) ? undefined : meanings[word];
  return code === undefined ? {} : { code };
}
