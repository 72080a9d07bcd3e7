import { parseCertificate } from '../pkix/certificate.js';
import { nameToText } from '../pkix/name.js';
import type { Credential } from './ports.js';

interface KeyFacts {
  readonly state: 'next' | 'active' | 'retiring' | 'destroyed';
  readonly usage: string;
  /** DER. */
  readonly certificate: Buffer | null;
}

interface ProfileFacts {
  readonly id: string;
  readonly tenantId: string;
  readonly name: string;
  readonly protocol: string;
}

/** The RA certificates of a profile, by what they are used for the one that lasts longest: whoever has a successor is no news. */
export function raCredentials(profile: ProfileFacts, keys: readonly KeyFacts[]): readonly Credential[] {
  const longest = new Map<string, Credential>();
  for (const { state, usage, certificate } of keys) {
    if (certificate === null || (state !== 'active' && state !== 'next')) continue;
    const credential = raCredential(profile, certificate);
    const known = longest.get(usage);
    if (credential !== undefined && (known === undefined || known.notAfter < credential.notAfter)) longest.set(usage, credential);
  }
  return [...longest.values()];
}

function raCredential({ id, tenantId, name, protocol }: ProfileFacts, certificate: Buffer): Credential | undefined {
  const parsed = parseCertificate(certificate);
  if (!parsed.ok) return undefined;
  const { subject, notBefore, notAfter } = parsed.value;
  return { tenantId, profileId: id, usedBy: `${name} (${protocol})`, what: 'RA certificate', subject: nameToText(subject), notBefore, notAfter };
}

interface ConnectorFacts {
  readonly tenantId: string;
  readonly name: string;
}

interface Life {
  readonly kind: string;
  readonly subject: string;
  readonly notAfter: Date;
}

/** What a connector needs to speak to its other side, as the last look at it found. When it began is not known: long ago. */
export function connectorCredentials({ tenantId, name }: ConnectorFacts, lives: readonly Life[]): readonly Credential[] {
  return lives.map(({ kind, subject, notAfter }) => ({
    tenantId,
    profileId: null,
    usedBy: `connector ${name}`,
    what: kind.replaceAll('-', ' '),
    subject,
    notBefore: new Date(0),
    notAfter,
  }));
}
