import { crlReasons, serialHex } from '../pkix/index.js';
import { crlEntryExtensions, type RevDetails, type RevRepContent } from '../protocol/cmp/index.js';
import { Cursor, guarded, oids, tag } from '../protocol/der/index.js';
import { templateField } from './cmp-request.js';
import { statusField } from './cmp-status.js';
import { crlsField } from './crl.js';
import { extensionsField } from './extensions.js';
import { type Field, field, group, listed, optional } from './field.js';
import { typedName } from './general-name.js';
import { byteCount } from './words.js';

const maxItems = 20;

/** rr (RFC 9810 section 5.3.9): which certificates, and why. */
export function revocationFields(details: readonly RevDetails[]): Field[] {
  return listed(details, maxItems, revDetailsField);
}

function revDetailsField(details: RevDetails): Field {
  const { certDetails, crlEntryDetails } = details;
  return group('RevDetails', reasonText(details), [
    templateField(certDetails),
    ...optional(crlEntryDetails, (octets) => {
      const read = crlEntryExtensions(details);
      if (read.ok) return extensionsField('crlEntryDetails', read.value);
      return field('crlEntryDetails', byteCount(octets), { verdict: 'failed', note: `badDataFormat: ${read.error.message}` });
    }),
  ]);
}

function reasonText(details: RevDetails): string {
  const extensions = crlEntryExtensions(details);
  const reason = extensions.ok ? extensions.value.find(({ oid }) => oid === oids.reasonCode) : undefined;
  if (reason === undefined) return 'no reason given';
  const number = guarded(() => new Cursor(reason.value).smallInteger(tag.enumerated));
  return number.ok ? (crlReasons[number.value] ?? `reason ${number.value}`) : 'a malformed reason';
}

/** rp (RFC 9810 section 5.3.10): one status for each RevDetails, in their order. */
export function revocationAnswerFields({ status, revCerts, crls }: RevRepContent): Field[] {
  return [
    ...listed(status, maxItems, (item) => statusField('status', item)),
    ...optional(revCerts, (certIds) =>
      group(
        'revCerts',
        certIds.length,
        listed(certIds, maxItems, ({ issuer, serialNumber }) => field('CertId', `issuer ${typedName(issuer)}, serialNumber ${serialHex(serialNumber)}`)),
      ),
    ),
    ...optional(crls, crlsField),
  ];
}
