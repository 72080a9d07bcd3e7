const forms = {
  'application/json': 'application/json',
  'application/pkix-cert': 'application/pkix-cert',
  'application/x-x509-ca-cert': 'application/pkix-cert',
  'application/x-pem-file': 'application/x-pem-file',
  'application/pem-certificate-chain': 'application/x-pem-file',
} as const;

export type CertificateForm = (typeof forms)[keyof typeof forms];

/** Which of the forms of a certificate the Accept header prefers (RFC 9110 section 12.5.1); JSON where it names none of them. */
export function preferredForm(accept: string | undefined): CertificateForm {
  const wanted = (accept ?? '').split(',').map((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
    return { type, quality: quality === undefined ? 1 : Number(quality) };
  });
  const known = wanted.filter(({ type, quality }) => type in forms && quality > 0).sort((left, right) => right.quality - left.quality);
  return forms[(known[0]?.type ?? 'application/json') as keyof typeof forms];
}
