/** Holds the devices' history against the server's tables. Pure: the same input gives the same findings. */
import type { TransactionHistory } from './history.js';

/** A certificate that stands somewhere on the server's side. */
export interface StoredCertificate {
  /** SHA-256 of the DER, hexadecimal. */
  readonly sha256: string;
  readonly commonName: string;
}

/** As the CA itself knows it. */
export interface CaCertificate extends StoredCertificate {
  /** It differs from what was asked for, on purpose. */
  readonly isWrong?: boolean;
  readonly isRevoked?: boolean;
}

export interface ServerFacts {
  readonly orders: readonly { readonly transactionId: string; readonly state: string }[];
  /** What Gatehouse recorded. */
  readonly certificates: readonly StoredCertificate[];
  /** What the CA says it issued, by its own table. */
  readonly issuedByCa: readonly CaCertificate[];
}

export interface Findings {
  /** A certificate or promise a device holds that the server does not know. */
  readonly lost: readonly string[];
  /** More than one certificate or order for one transaction. */
  readonly double: readonly string[];
  /** A device was told two different certificates for one transaction. */
  readonly changed: readonly string[];
  /** A valid request was refused for good. */
  readonly refused: readonly string[];
  /** An order without an end, or a certificate of the CA that no order knows. */
  readonly unfinished: readonly string[];
  /** A wrong certificate that was given to somebody, or goes on being valid. */
  readonly surplus: readonly string[];
}

const endStates = new Set(['ISSUED', 'DELIVERED', 'CONFIRMED', 'REVOKED', 'REJECTED', 'FAILED', 'EXPIRED']);

function countBy(names: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/** Transactions a device never got an acknowledgement for may be absent from the server, but must not stand there twice. */
export function check(history: readonly TransactionHistory[], facts: ServerFacts): Findings {
  const findings = {
    lost: [] as string[],
    double: [] as string[],
    changed: [] as string[],
    refused: [] as string[],
    unfinished: [] as string[],
    surplus: [] as string[],
  };
  const recorded = new Set(facts.certificates.map((item) => item.sha256));
  const recordedNames = countBy(facts.certificates.map((item) => item.commonName));
  const caNames = countBy(facts.issuedByCa.filter((item) => item.isWrong !== true).map((item) => item.commonName));
  const orders = countBy(facts.orders.map((item) => item.transactionId));
  for (const transaction of history) {
    const name = `${transaction.protocol} ${transaction.transactionId} (${transaction.commonName})`;
    for (const sha256 of transaction.certificates) if (!recorded.has(sha256)) findings.lost.push(`${name}: certificate ${sha256} is not recorded`);
    const orderCount = orders.get(transaction.transactionId) ?? 0;
    if (transaction.isAcknowledged && orderCount === 0) findings.lost.push(`${name}: acknowledged, but no order`);
    if (orderCount > 1) findings.double.push(`${name}: ${orderCount} orders`);
    const certificates = Math.max(caNames.get(transaction.commonName) ?? 0, recordedNames.get(transaction.commonName) ?? 0);
    if (certificates > 1) findings.double.push(`${name}: ${certificates} certificates`);
    if (transaction.certificates.size > 1) findings.changed.push(`${name}: ${transaction.certificates.size} different certificates`);
    for (const reason of transaction.refusals) findings.refused.push(`${name}: ${reason}`);
    if (transaction.isAcknowledged && transaction.certificates.size === 0)
      findings.unfinished.push(`${name}: acknowledged, but the device never got its certificate`);
  }
  for (const order of facts.orders) if (!endStates.has(order.state)) findings.unfinished.push(`order of ${order.transactionId} is ${order.state}`);
  for (const [name, count] of caNames) {
    if ((recordedNames.get(name) ?? 0) < count) findings.unfinished.push(`the CA issued ${count} for ${name}, ${recordedNames.get(name) ?? 0} are recorded`);
  }
  const given = new Set(history.flatMap((transaction) => [...transaction.certificates]));
  for (const { sha256, commonName, isWrong, isRevoked } of facts.issuedByCa) {
    if (isWrong !== true) continue;
    if (recorded.has(sha256) || given.has(sha256)) findings.surplus.push(`a wrong certificate for ${commonName} was taken`);
    if (isRevoked !== true) findings.surplus.push(`a wrong certificate for ${commonName} is not revoked`);
  }
  return findings;
}

export function totalOf(findings: Findings): number {
  return Object.values(findings).reduce((sum: number, list: readonly string[]) => sum + list.length, 0);
}
