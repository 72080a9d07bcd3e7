/** What the transport shows of a client. */
export interface ClientTraits {
  readonly userAgent?: string;
  /** `1.0`, `1.1` */
  readonly httpVersion?: string;
}

/** A guess, for operators only: OpenSSL posts with HTTP/1.0 and names no user agent; ours names itself. */
export function clientFamilyOf(traits: ClientTraits): string {
  if (traits.userAgent?.startsWith('gatehouse') === true) return 'gatehouse';
  return traits.userAgent === undefined && traits.httpVersion === '1.0' ? 'openssl-cmp' : 'unknown';
}
