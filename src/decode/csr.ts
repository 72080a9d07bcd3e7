import { type CertificationRequest, verifyCsr } from '../pkix/index.js';
import { oids } from '../protocol/der/index.js';
import { nameText, signatureAlgorithmField, signatureFaults } from './certificate.js';
import { extensionsField } from './extensions.js';
import { type Field, field, group, listed } from './field.js';
import { publicKeyField } from './public-key.js';
import { hiddenText, oidName, unshown } from './words.js';

const maxAttributes = 40;
const shownElsewhere: readonly string[] = [oids.extensionRequest, oids.microsoftExtensionRequest, oids.challengePassword];

/** RFC 2986 section 4; the challenge is never shown. */
export function csrField(name: string, csr: CertificationRequest): Field {
  return group(name, nameText(csr.subject), csrFields(csr));
}

export function csrFields(csr: CertificationRequest): Field[] {
  const others = csr.attributes.filter((attribute) => !shownElsewhere.includes(attribute.oid));
  const { challengePassword } = csr;
  return [
    field('version', csr.version, csr.version === 0 ? {} : { verdict: 'failed', note: 'must be 0 (v1)' }),
    field('subject', nameText(csr.subject)),
    publicKeyField('subjectPKInfo', csr.publicKey),
    field(
      'challengePassword',
      challengePassword === undefined ? 'absent' : hiddenText(challengePassword),
      challengePassword === undefined ? {} : { note: 'never shown' },
    ),
    extensionsField('extensionRequest', csr.extensions),
    ...listed(others, maxAttributes, ({ oid, values }) => field(oidName(oid), unshown(Buffer.concat(values)))),
    signatureAlgorithmField('signatureAlgorithm', csr.signatureAlgorithm),
    possessionField(csr),
  ];
}

function possessionField(csr: CertificationRequest): Field {
  const verified = verifyCsr(csr);
  if (verified.ok) return field('proof of possession', 'the request is signed with its own key', { verdict: 'ok' });
  return field('proof of possession', signatureFaults[verified.error], { verdict: 'failed' });
}
