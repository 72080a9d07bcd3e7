/** What a server accepts, as far as capabilities speak of it. */
export interface Accepted {
  readonly digests: readonly string[];
  readonly ciphers: readonly string[];
  readonly renewal: boolean;
  readonly nextCa: boolean;
}

/** RFC 8894 §3.5.2 and the IANA registry; `SHA-384` is ours to add (clients ignore what they do not know), and strongSwan 5.9.8 sees no AES without it. */
const keywords: readonly (readonly [keyword: string, isOffered: (accepted: Accepted) => boolean])[] = [
  ['AES', ({ ciphers }) => ciphers.includes('aes128-cbc')],
  ['DES3', ({ ciphers }) => ciphers.includes('des-ede3-cbc')],
  ['GetNextCACert', ({ nextCa }) => nextCa],
  ['POSTPKIOperation', () => true],
  // A RenewalReq signed with SHA-1 is always refused (RFC 8894 §7.9).
  ['Renewal', ({ renewal, digests }) => renewal && digests.some((digest) => digest !== 'sha1')],
  ['SHA-1', ({ digests }) => digests.includes('sha1')],
  ['SHA-256', ({ digests }) => digests.includes('sha256')],
  ['SHA-384', ({ digests }) => digests.includes('sha384')],
  ['SHA-512', ({ digests }) => digests.includes('sha512')],
  ['SCEPStandard', ({ ciphers, digests }) => ciphers.includes('aes128-cbc') && digests.includes('sha256')],
];

/** The body of a GetCACaps answer: one registered keyword per line, each ended by LF. Says only what is true of `accepted`. */
export function encodeCapabilities(accepted: Accepted): string {
  return keywords
    .filter(([, isOffered]) => isOffered(accepted))
    .map(([keyword]) => `${keyword}\n`)
    .join('');
}

/** The keywords of a GetCACaps answer, separated by LF or CRLF. */
export function readCapabilities(body: string): ReadonlySet<string> {
  return new Set(
    body
      .split(/\r?\n/)
      .map((line) => line.trim())
      .filter((line) => line !== ''),
  );
}
