import { Badge } from '@mantine/core';
import type { Certificate } from '../../api/types.js';
import { words } from '../../strings/index.js';

const { certificates } = words;
const colours = { valid: 'green', revoked: 'red', superseded: 'gray' } as const satisfies Record<Certificate['status'], string>;

/** What the CA says of it; one that has run out says that. */
export function CertificateStatus({ certificate: { status, notAfter } }: { readonly certificate: Certificate }) {
  const isExpired = status !== 'revoked' && new Date(notAfter).getTime() < Date.now();
  return <Badge color={isExpired ? 'gray' : colours[status]}>{isExpired ? certificates.expired : certificates.statuses[status]}</Badge>;
}
