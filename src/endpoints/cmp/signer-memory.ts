import type { Certificate } from '../../pkix/index.js';

/**
 * The signers of the transactions under way, because their later messages may leave extraCerts out (RFC 9483 section 3.3). Only
 * a convenience for such clients: it belongs to one process, and the signature is verified in any case.
 */
export interface SignerMemory {
  remember(transaction: string, certificate: Certificate): void;
  recall(transaction: string): Certificate | undefined;
}

export function createSignerMemory(limit = 1_000): SignerMemory {
  const signers = new Map<string, Certificate>();
  return {
    remember(transaction, certificate) {
      signers.delete(transaction);
      signers.set(transaction, certificate);
      if (signers.size > limit) signers.delete(signers.keys().next().value as string);
    },
    recall: (transaction) => signers.get(transaction),
  };
}

/** A transaction's name in the memory. */
export function signerKey(profileId: string, transactionID: Buffer): string {
  return `${profileId}:${transactionID.toString('hex')}`;
}
