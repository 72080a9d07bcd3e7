import { z } from 'zod';
import {
  basicConstraintsOf,
  type Certificate,
  type CertificateList,
  fromPem,
  parseCertificate,
  parseCrl,
  parseCrlHead,
  parseCrlInTurns,
  prepareRevocations,
} from '../pkix/index.js';

/** The one CA certificate of a PEM text; undefined when it is something else. */
function caCertificateOf(pem: string): Certificate | undefined {
  const [der, ...further] = fromPem('CERTIFICATE', pem);
  const parsed = der === undefined || further.length > 0 ? undefined : parseCertificate(der);
  if (!parsed?.ok) return undefined;
  const constraints = basicConstraintsOf(parsed.value.extensions);
  return constraints.ok && constraints.value.ca ? parsed.value : undefined;
}

const isUrl = (text: string): boolean => /^https?:\/\/[^\s]{1,490}$/.test(text) && URL.canParse(text);

/** A CRL given as it is: PEM, or its DER in base64. */
function derOf(text: string): Buffer {
  return fromPem('X509 CRL', text)[0] ?? Buffer.from(text, 'base64');
}

/** Policies are read in every process whenever a profile changes, and the entries of a long list take a second: of those only the head is looked at. */
const wholeCharacters = 200_000;

function isList(text: string): boolean {
  const parsed = text.length <= wholeCharacters ? parseCrl(derOf(text)) : parseCrlHead(derOf(text));
  return parsed.ok;
}

/** In turns of the event loop; undefined where its entries are malformed. */
async function readList(text: string): Promise<CertificateList | undefined> {
  const parsed = await parseCrlInTurns(derOf(text));
  if (!parsed.ok) return undefined;
  await prepareRevocations(parsed.value);
  return parsed.value;
}

/** Another CA whose devices may renew here (RFC 8894 section 2.3: the CA that issued the certificate may be another one). */
export const renewalAnchorSchema = z.strictObject({
  certificate: z
    .string()
    .max(20_000)
    .refine((text) => caCertificateOf(text) !== undefined, 'Must be one CA certificate in PEM: the CA that issued the certificates of the devices itself')
    .describe('PEM: the CA that issued the certificates to be renewed; not the root above it'),
  crl: z
    .string()
    .max(6_000_000)
    .refine((text) => isUrl(text) || isList(text), 'Must be an http(s) URL, a CRL in PEM, or its DER in base64')
    .nullable()
    .default(null)
    .describe('The CRL of that CA: where it is fetched, or the list itself; null: revoked certificates cannot be told and are renewed'),
  staleCrl: z
    .enum(['refuse', 'accept'])
    .default('refuse')
    .describe('With a CRL that is past its nextUpdate or could not be had: refuse renewals, or go by the last list that is known'),
  graceDays: z.int().min(0).max(365).default(0).describe('Days after the expiry of a certificate of that CA during which it may still be renewed'),
  acceptUntil: z.iso.datetime({ offset: true }).nullable().default(null).describe('When the migration is over: later renewals are refused; null: open'),
});

/** Parsed once for each policy. */
export interface RenewalAnchor {
  readonly certificate: Certificate;
  readonly crl:
    | { readonly kind: 'none' }
    | { readonly kind: 'list'; readonly list: () => Promise<CertificateList | undefined> }
    | { readonly kind: 'url'; readonly url: string };
  readonly acceptsStaleCrl: boolean;
  readonly graceDays: number;
  readonly acceptUntil: Date | null;
}

export type RenewalAnchorSettings = z.infer<typeof renewalAnchorSchema>;

const loaded = new WeakMap<readonly RenewalAnchorSettings[], readonly RenewalAnchor[]>();

/** The anchors of a policy that its schema has accepted. */
export function renewalAnchorsOf(settings: readonly RenewalAnchorSettings[]): readonly RenewalAnchor[] {
  const known = loaded.get(settings);
  if (known !== undefined) return known;
  const anchors = settings.flatMap((item) => {
    const certificate = caCertificateOf(item.certificate);
    return certificate === undefined ? [] : [{ certificate, crl: crlOf(item.crl), ...termsOf(item) }];
  });
  loaded.set(settings, anchors);
  return anchors;
}

function termsOf({ staleCrl, graceDays, acceptUntil }: RenewalAnchorSettings) {
  return { acceptsStaleCrl: staleCrl === 'accept', graceDays, acceptUntil: acceptUntil === null ? null : new Date(acceptUntil) };
}

function crlOf(text: string | null): RenewalAnchor['crl'] {
  if (text === null) return { kind: 'none' };
  if (isUrl(text)) return { kind: 'url', url: text };
  let read: Promise<CertificateList | undefined> | undefined;
  return {
    kind: 'list',
    list() {
      read ??= readList(text);
      return read;
    },
  };
}
