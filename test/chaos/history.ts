/** What the devices saw, written down by the devices themselves: the evidence the server's tables are held against. */
import { createHash } from 'node:crypto';

export type ChaosProtocol = 'scep' | 'cmp';

/** One transaction of one device. `commonName` is unique, so that certificates can be told apart without trusting any id of the server. */
export class TransactionHistory {
  readonly protocol: ChaosProtocol;
  readonly transactionId: string;
  readonly commonName: string;
  /** SHA-256 of every certificate the device was ever given, hexadecimal. */
  readonly certificates = new Set<string>();
  /** Final refusals; each is a finding, for every request is a valid one. */
  readonly refusals: string[] = [];
  /** The server promised something: PENDING, waiting or a certificate. */
  isAcknowledged = false;
  isFinished = false;
  sends = 0;

  constructor(protocol: ChaosProtocol, transactionId: string, commonName: string) {
    this.protocol = protocol;
    this.transactionId = transactionId;
    this.commonName = commonName;
  }

  noteIssued(certificate: Buffer): void {
    this.isAcknowledged = true;
    this.certificates.add(createHash('sha256').update(certificate).digest('hex'));
  }

  notePending(): void {
    this.isAcknowledged = true;
  }

  noteRefused(reason: string): void {
    this.refusals.push(reason);
  }
}

export class History {
  readonly transactions: TransactionHistory[] = [];

  begin(protocol: ChaosProtocol, transactionId: string, commonName: string): TransactionHistory {
    const transaction = new TransactionHistory(protocol, transactionId, commonName);
    this.transactions.push(transaction);
    return transaction;
  }

  get finished(): number {
    return this.transactions.filter((item) => item.isFinished).length;
  }
}
