import { type Certificate, isSameName, parseCertificate } from '../pkix/index.js';

/** Those that can be read, in their order. */
export function readable(certificates: readonly Buffer[]): readonly Certificate[] {
  return certificates.flatMap((der) => {
    const parsed = parseCertificate(der);
    return parsed.ok ? [parsed.value] : [];
  });
}

/** A chain, DER: `first`, then by name what stands above it among the others, as far as they go. Whether one signed the other is not looked at. */
export function chainUpwards(first: Certificate | undefined, others: readonly Certificate[]): readonly Buffer[] {
  const chain = first === undefined ? [] : [first];
  for (let last = first; last !== undefined && !isSameName(last.issuer, last.subject); last = chain.at(-1)) {
    const { issuer } = last;
    const above = others.find((item) => isSameName(item.subject, issuer) && !chain.includes(item));
    if (above === undefined) break;
    chain.push(above);
  }
  return chain.map(({ der }) => der);
}
