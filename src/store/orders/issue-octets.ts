import type { CertificateRecord, NewOrder } from '../../enrolment/ports.js';

/** What of an enrolment goes to the database as octets. */
export interface IssuedOctets {
  readonly order: Pick<NewOrder, 'dedupeKey' | 'contentHash'>;
  readonly certificate: Pick<CertificateRecord, 'der' | 'sha256' | 'issuerHash' | 'keyHash'>;
  /** Of the audit row. */
  readonly details: string;
}

/** Where they lie: five digests, the certificate, the details in UTF-8. */
export interface Place {
  /** Of the first digest, counted from 1 as SQL does. */
  readonly at: number;
  readonly derLength: number;
  readonly detailsLength: number;
}

/** SHA-256. */
const digestLength = 32;
const digests = 5;

/** Lays the octets of all enrolments one behind the other. Throws when a digest has another length. */
export function issueOctets(items: readonly IssuedOctets[]): { readonly bytes: Buffer; readonly places: readonly Place[] } {
  let length = 0;
  const places = items.map(({ certificate, details }): Place => {
    const place = { at: length + 1, derLength: certificate.der.length, detailsLength: Buffer.byteLength(details) };
    length += digests * digestLength + place.derLength + place.detailsLength;
    return place;
  });
  const bytes = Buffer.allocUnsafe(length);
  let end = 0;
  for (const { order, certificate, details } of items) {
    for (const digest of [order.dedupeKey, order.contentHash, certificate.sha256, certificate.issuerHash, certificate.keyHash]) {
      if (digest.length !== digestLength) throw new RangeError(`A digest of ${digest.length} octets.`);
      end += digest.copy(bytes, end);
    }
    end += certificate.der.copy(bytes, end);
    end += bytes.write(details, end);
  }
  return { bytes, places };
}

const digest = (index: number): string => `substr($4::bytea, at + ${index * digestLength}, ${digestLength})`;
const behindDigests = `at + ${digests * digestLength}`;

/** How a row of the statement, whose fourth parameter they are, comes by its octets. */
export const octets = {
  dedupeKey: digest(0),
  contentHash: digest(1),
  sha256: digest(2),
  issuerHash: digest(3),
  keyHash: digest(4),
  der: `substr($4::bytea, ${behindDigests}, "derLength")`,
  details: `convert_from(substr($4::bytea, ${behindDigests} + "derLength", "detailsLength"), 'UTF8')`,
} as const;
