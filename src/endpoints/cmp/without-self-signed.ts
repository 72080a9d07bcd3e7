import { type Certificate, isSameName } from '../../pkix/index.js';

/** RFC 9483 section 3.3: "self-signed certificates SHOULD be omitted"; they prove nothing to who does not have them already. */
export function withoutSelfSigned(chain: readonly Certificate[]): Buffer[] {
  return chain.filter((item) => !isSameName(item.subject, item.issuer)).map((item) => item.der);
}
