import { createHash, generateKeyPairSync } from 'node:crypto';
import {
  basicConstraintsExtension,
  buildName,
  dnsName,
  extendedKeyUsageExtension,
  type GeneralName,
  keyUsageExtension,
  type Name,
  parseCertificate,
  publicKeyOf,
  serialHex,
  subjectAltNameExtension,
} from '../../../src/pkix/index.js';
import { oids } from '../../../src/protocol/der/index.js';
import { inOwnOrder, nameText } from './names.js';
import { type Ca, issueBy, makeCa, publicKeyIn } from './pki.js';
import { type Issued, Refused, type State, type Wrong } from './state.js';

export interface Asked {
  readonly username: string;
  readonly caName: string;
  readonly endEntityProfile: string;
  readonly certificateProfile: string;
  readonly subject: Name;
  readonly sans: readonly GeneralName[];
  readonly spki: Buffer;
}

const hash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Fields of a SAN in the words of an end entity profile. */
const fieldNames: Readonly<Record<string, string>> = { dns: 'DNSNAME', ip: 'IPADDRESS', uri: 'UNIFORMRESOURCEIDENTIFIER', email: 'RFC822NAME' };

/** Adds or edits the end entity and issues for it, in one transaction; throws `Refused` in EJBCA's words and then nothing has changed. */
export function issue(state: State, asked: Asked, wrong?: Wrong): Issued {
  const ca = placeOf(state, asked);
  const subject = nameText(asked.subject);
  checkProfile(state, asked, subject);
  checkUniqueness(state, asked, subject);
  state.entities.set(asked.username, { username: asked.username, subject, caName: asked.caName });
  const der = wrong === undefined ? certificateFor(state, ca, asked) : wrongCertificate(state, ca, asked, wrong);
  const parsed = parseCertificate(der);
  const serial = parsed.ok ? serialHex(parsed.value.serial) : '00';
  const { username, caName, endEntityProfile, certificateProfile } = asked;
  const issued: Issued = { username, der, serial, caName, endEntityProfile, certificateProfile, subject, keyHash: hash(asked.spki), issuedAt: Date.now() };
  state.issued.push(issued);
  return issued;
}

function placeOf({ settings, cas, endEntityProfiles, certificateProfiles }: State, asked: Asked): Ca {
  if (!settings.isAdministrator) throw new Refused(403, 'Administrator not authorized to resource /administrator.', 'AuthorizationDeniedException');
  if (!endEntityProfiles.includes(asked.endEntityProfile)) throw new Refused(400, `End entity profile with name ${asked.endEntityProfile} doesn't exist.`);
  if (!certificateProfiles.includes(asked.certificateProfile))
    throw new Refused(400, `Certificate profile with name ${asked.certificateProfile} doesn't exist.`);
  const ca = cas.get(asked.caName);
  if (ca === undefined) throw new Refused(400, `CA with name ${asked.caName} doesn't exist.`, 'CADoesntExistsException');
  if (settings.hasApprovals)
    throw new Refused(
      400,
      `Single transaction enrollment request rejected since approvals are enabled for this CA (${asked.caName}) or Certificate Profile (${asked.certificateProfile}).`,
    );
  if (!settings.isCaActive) throw new Refused(400, `CA '${asked.caName}' is not active`, 'CAOfflineException');
  if (!settings.hasToken) throw new Refused(400, `Crypto token is offline: CA token is offline for CA '${asked.caName}'.`, 'CryptoTokenOfflineException');
  return ca;
}

function checkProfile({ settings }: State, { sans }: Asked, subject: string): void {
  const refuse = (text: string) => new Refused(400, text, 'UserDoesntFullfillEndEntityProfile');
  if (!/(^|,)CN=/.test(subject)) throw refuse('Wrong number of COMMONNAME fields in Subject DN.');
  const field = sans.map(({ type }) => fieldNames[type] ?? type.toUpperCase()).find((name) => settings.forbiddenFields.includes(name));
  if (field !== undefined) throw refuse(`Subject Alternative Name field '${field}' is not a part of the end entity profile.`);
}

function checkUniqueness({ settings, issued, entities }: State, { username, spki, caName }: Asked, subject: string): void {
  const key = hash(spki);
  if (settings.uniqueKeys && issued.some((item) => item.keyHash === key && item.username !== username))
    throw new Refused(400, `User '${username}' is not allowed to use same key as another user is using.`);
  const owner = [...entities.values()].find((entity) => entity.subject === subject && entity.caName === caName && entity.username !== username);
  if (settings.uniqueNames && owner !== undefined)
    throw new Refused(
      400,
      `User '${username}' is not allowed to use same subject DN as the user(s) '${owner.username}' is/are using while issued by the same CA.`,
    );
}

function certificateFor({ settings }: State, ca: Ca, { subject, sans, spki }: Asked, change: { notAfter?: Date; isCa?: boolean } = {}): Buffer {
  const extensions = [
    basicConstraintsExtension({ ca: change.isCa === true }),
    keyUsageExtension(['digitalSignature', 'keyEncipherment']),
    extendedKeyUsageExtension([oids.clientAuth]),
    ...(sans.length === 0 ? [] : [subjectAltNameExtension(sans)]),
  ];
  const times = change.notAfter === undefined ? {} : { notBefore: new Date(change.notAfter.getTime() - 86_400_000), notAfter: change.notAfter };
  return issueBy(ca, { subject: settings.ordersNames ? inOwnOrder(subject) : subject, publicKey: publicKeyIn(spki), extensions, ...times });
}

function wrongCertificate(state: State, ca: Ca, asked: Asked, wrong: Wrong): Buffer {
  const other = () => publicKeyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey).spki;
  const { sans } = asked;
  switch (wrong) {
    case 'key':
      return certificateFor(state, ca, { ...asked, spki: other() });
    case 'name':
      return certificateFor(state, ca, { ...asked, sans: [...sans, dnsName('nobody-asked.example')] });
    case 'subject':
      return certificateFor(state, ca, { ...asked, subject: buildName([[oids.commonName, 'nobody-asked']]) });
    case 'ca':
      return certificateFor(state, ca, asked, { isCa: true });
    case 'expired':
      return certificateFor(state, ca, asked, { notAfter: new Date(Date.now() - 60_000) });
    case 'issuer':
      return certificateFor(state, makeCa('Another CA'), asked);
    case 'garbage':
      return Buffer.from('no certificate');
  }
}
