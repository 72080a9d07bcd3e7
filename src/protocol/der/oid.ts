import { DerError } from './fault.js';
import { tag } from './tag.js';

/** The object identifiers Gatehouse knows, by the name their standard gives them. */
export const oids = {
  // CMS content types (RFC 5652), PKCS#9
  data: '1.2.840.113549.1.7.1',
  signedData: '1.2.840.113549.1.7.2',
  envelopedData: '1.2.840.113549.1.7.3',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingTime: '1.2.840.113549.1.9.5',
  challengePassword: '1.2.840.113549.1.9.7',
  friendlyName: '1.2.840.113549.1.9.20',
  extensionRequest: '1.2.840.113549.1.9.14',
  microsoftExtensionRequest: '1.3.6.1.4.1.311.2.1.14',
  microsoftTemplateName: '1.3.6.1.4.1.311.20.2',
  microsoftTemplate: '1.3.6.1.4.1.311.21.7',
  microsoftSid: '1.3.6.1.4.1.311.25.2',
  // SCEP attributes (RFC 8894 section 3.2.1)
  scepMessageType: '2.16.840.1.113733.1.9.2',
  scepPkiStatus: '2.16.840.1.113733.1.9.3',
  scepFailInfo: '2.16.840.1.113733.1.9.4',
  scepSenderNonce: '2.16.840.1.113733.1.9.5',
  scepRecipientNonce: '2.16.840.1.113733.1.9.6',
  scepTransactionId: '2.16.840.1.113733.1.9.7',
  scepFailInfoText: '1.3.6.1.5.5.7.24.1',
  // digests
  md5: '1.2.840.113549.2.5',
  sha1: '1.3.14.3.2.26',
  sha224: '2.16.840.1.101.3.4.2.4',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
  // public keys
  rsaEncryption: '1.2.840.113549.1.1.1',
  rsaesOaep: '1.2.840.113549.1.1.7',
  mgf1: '1.2.840.113549.1.1.8',
  pSpecified: '1.2.840.113549.1.1.9',
  ecPublicKey: '1.2.840.10045.2.1',
  p256: '1.2.840.10045.3.1.7',
  p384: '1.3.132.0.34',
  p521: '1.3.132.0.35',
  x25519: '1.3.101.110',
  x448: '1.3.101.111',
  ed25519: '1.3.101.112',
  ed448: '1.3.101.113',
  // post-quantum keys and signatures (RFC 9881, RFC 9935), KEM recipients (RFC 9629), HKDF (RFC 8619)
  mlDsa44: '2.16.840.1.101.3.4.3.17',
  mlDsa65: '2.16.840.1.101.3.4.3.18',
  mlDsa87: '2.16.840.1.101.3.4.3.19',
  mlKem512: '2.16.840.1.101.3.4.4.1',
  mlKem768: '2.16.840.1.101.3.4.4.2',
  mlKem1024: '2.16.840.1.101.3.4.4.3',
  oriKem: '1.2.840.113549.1.9.16.13.3',
  hkdfWithSha256: '1.2.840.113549.1.9.16.3.28',
  // signatures
  md5WithRsa: '1.2.840.113549.1.1.4',
  sha1WithRsa: '1.2.840.113549.1.1.5',
  rsassaPss: '1.2.840.113549.1.1.10',
  sha256WithRsa: '1.2.840.113549.1.1.11',
  sha384WithRsa: '1.2.840.113549.1.1.12',
  sha512WithRsa: '1.2.840.113549.1.1.13',
  sha224WithRsa: '1.2.840.113549.1.1.14',
  ecdsaWithSha1: '1.2.840.10045.4.1',
  ecdsaWithSha224: '1.2.840.10045.4.3.1',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  ecdsaWithSha384: '1.2.840.10045.4.3.3',
  ecdsaWithSha512: '1.2.840.10045.4.3.4',
  // content ciphers
  desCbc: '1.3.14.3.2.7',
  desEde3Cbc: '1.2.840.113549.3.7',
  aes128Cbc: '2.16.840.1.101.3.4.1.2',
  aes128Gmac: '2.16.840.1.101.3.4.1.9',
  aes192Gmac: '2.16.840.1.101.3.4.1.29',
  aes256Gmac: '2.16.840.1.101.3.4.1.49',
  aes192Cbc: '2.16.840.1.101.3.4.1.22',
  aes256Cbc: '2.16.840.1.101.3.4.1.42',
  aes128Gcm: '2.16.840.1.101.3.4.1.6',
  aes256Gcm: '2.16.840.1.101.3.4.1.46',
  aes128Wrap: '2.16.840.1.101.3.4.1.5',
  aes192Wrap: '2.16.840.1.101.3.4.1.25',
  aes256Wrap: '2.16.840.1.101.3.4.1.45',
  // key agreement (RFC 5753), asymmetric key packages (RFC 5958)
  stdDhSha256Kdf: '1.3.132.1.11.1',
  aKeyPackage: '2.16.840.1.101.2.1.2.78.5',
  // MACs and key derivation
  passwordBasedMac: '1.2.840.113533.7.66.13',
  dhBasedMac: '1.2.840.113533.7.66.30',
  kemBasedMac: '1.2.840.113533.7.66.16',
  pbmac1: '1.2.840.113549.1.5.14',
  pbkdf2: '1.2.840.113549.1.5.12',
  pwriKek: '1.2.840.113549.1.9.16.3.9',
  hmacSha1: '1.2.840.113549.2.7',
  hmacSha1Ipsec: '1.3.6.1.5.5.8.1.2',
  hmacSha224: '1.2.840.113549.2.8',
  hmacSha256: '1.2.840.113549.2.9',
  hmacSha384: '1.2.840.113549.2.10',
  hmacSha512: '1.2.840.113549.2.11',
  // certificate and CRL extensions (RFC 5280)
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  crlNumber: '2.5.29.20',
  reasonCode: '2.5.29.21',
  issuingDistributionPoint: '2.5.29.28',
  certificateIssuer: '2.5.29.29',
  nameConstraints: '2.5.29.30',
  cRLDistributionPoints: '2.5.29.31',
  certificatePolicies: '2.5.29.32',
  anyPolicy: '2.5.29.32.0',
  policyMappings: '2.5.29.33',
  authorityKeyIdentifier: '2.5.29.35',
  policyConstraints: '2.5.29.36',
  extKeyUsage: '2.5.29.37',
  inhibitAnyPolicy: '2.5.29.54',
  authorityInfoAccess: '1.3.6.1.5.5.7.1.1',
  caIssuers: '1.3.6.1.5.5.7.48.2',
  ocsp: '1.3.6.1.5.5.7.48.1',
  // extended key usages
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  cmcCA: '1.3.6.1.5.5.7.3.27',
  cmcRA: '1.3.6.1.5.5.7.3.28',
  certificateRequestAgent: '1.3.6.1.4.1.311.20.2.1',
  cmKGA: '1.3.6.1.5.5.7.3.32',
  // CMP information types (RFC 9810) and CRMF controls (RFC 4211)
  caProtEncCert: '1.3.6.1.5.5.7.4.1',
  signKeyPairTypes: '1.3.6.1.5.5.7.4.2',
  encKeyPairTypes: '1.3.6.1.5.5.7.4.3',
  preferredSymmAlg: '1.3.6.1.5.5.7.4.4',
  caKeyUpdateInfo: '1.3.6.1.5.5.7.4.5',
  currentCRL: '1.3.6.1.5.5.7.4.6',
  unsupportedOIDs: '1.3.6.1.5.5.7.4.7',
  keyPairParamReq: '1.3.6.1.5.5.7.4.10',
  keyPairParamRep: '1.3.6.1.5.5.7.4.11',
  localKeyId: '1.2.840.113549.1.9.21',
  revPassphrase: '1.3.6.1.5.5.7.4.12',
  implicitConfirm: '1.3.6.1.5.5.7.4.13',
  confirmWaitTime: '1.3.6.1.5.5.7.4.14',
  origPKIMessage: '1.3.6.1.5.5.7.4.15',
  suppLangTags: '1.3.6.1.5.5.7.4.16',
  caCerts: '1.3.6.1.5.5.7.4.17',
  rootCaKeyUpdate: '1.3.6.1.5.5.7.4.18',
  certReqTemplate: '1.3.6.1.5.5.7.4.19',
  rootCaCert: '1.3.6.1.5.5.7.4.20',
  certProfile: '1.3.6.1.5.5.7.4.21',
  crlStatusList: '1.3.6.1.5.5.7.4.22',
  crls: '1.3.6.1.5.5.7.4.23',
  kemCiphertextInfo: '1.3.6.1.5.5.7.4.24',
  regToken: '1.3.6.1.5.5.7.5.1.1',
  authenticator: '1.3.6.1.5.5.7.5.1.2',
  pkiPublicationInfo: '1.3.6.1.5.5.7.5.1.3',
  pkiArchiveOptions: '1.3.6.1.5.5.7.5.1.4',
  oldCertID: '1.3.6.1.5.5.7.5.1.5',
  protocolEncrKey: '1.3.6.1.5.5.7.5.1.6',
  altCertTemplate: '1.3.6.1.5.5.7.5.1.7',
  algIdCtrl: '1.3.6.1.5.5.7.5.1.11',
  rsaKeyLenCtrl: '1.3.6.1.5.5.7.5.1.12',
  // attribute types of names
  commonName: '2.5.4.3',
  surname: '2.5.4.4',
  serialNumber: '2.5.4.5',
  countryName: '2.5.4.6',
  localityName: '2.5.4.7',
  stateOrProvinceName: '2.5.4.8',
  streetAddress: '2.5.4.9',
  organizationName: '2.5.4.10',
  organizationalUnitName: '2.5.4.11',
  title: '2.5.4.12',
  givenName: '2.5.4.42',
  dnQualifier: '2.5.4.46',
  domainComponent: '0.9.2342.19200300.100.1.25',
  userId: '0.9.2342.19200300.100.1.1',
  emailAddress: '1.2.840.113549.1.9.1',
  unstructuredName: '1.2.840.113549.1.9.2',
  unstructuredAddress: '1.2.840.113549.1.9.8',
} as const;

const maxContent = 64;

/** True for a dotted form that can be written: first arc 0..2, second below 40 under 0 and 1 (X.660 section 7), at most 64 content octets. */
export function isOid(dotted: string): boolean {
  if (dotted.length > 200 || !/^[012](\.(0|[1-9]\d*))+$/.test(dotted)) return false;
  if (dotted[0] !== '2' && BigInt(dotted.split('.')[1] as string) >= 40n) return false;
  return contentOf(dotted).length <= maxContent;
}

function contentOf(dotted: string): Buffer {
  const arcs = dotted.split('.').map(BigInt);
  const [first, second, ...rest] = arcs as [bigint, bigint, ...bigint[]];
  const octets: number[] = [];
  for (const arc of [first * 40n + second, ...rest]) {
    const group = [Number(arc & 0x7fn)];
    for (let left = arc >> 7n; left > 0n; left >>= 7n) group.unshift(Number(left & 0x7fn) | 0x80);
    octets.push(...group);
  }
  return Buffer.from(octets);
}

function elementOf(dotted: string): Buffer {
  const content = contentOf(dotted);
  return Buffer.concat([Buffer.from([tag.oid, content.length]), content]);
}

interface KnownOid {
  readonly dotted: string;
  readonly content: Buffer;
}

const elements = new Map<string, Buffer>();
/** By `contentKey`, which tells nearly all of them apart. */
const knownByKey = new Map<number, readonly KnownOid[]>();
const none: readonly KnownOid[] = [];
for (const dotted of Object.values(oids)) {
  if (elements.has(dotted)) continue;
  const content = contentOf(dotted);
  const key = contentKey(content, 0, content.length);
  elements.set(dotted, elementOf(dotted));
  knownByKey.set(key, [...(knownByKey.get(key) ?? []), { dotted, content }]);
}

function contentKey(bytes: Buffer, start: number, end: number): number {
  let key = 0;
  for (let at = start; at < end; at += 1) key = (key * 31 + (bytes[at] as number)) | 0;
  return key;
}

/** As `Buffer.compare`, which for so few octets costs more to call than to do. */
function isAt(content: Buffer, bytes: Buffer, start: number): boolean {
  for (let at = 0; at < content.length; at += 1) if (bytes[start + at] !== content[at]) return false;
  return true;
}

/** The known object identifier whose content octets lie at `start` to `end`: found without a copy or a string of them. */
function knownOid(bytes: Buffer, start: number, end: number): string | undefined {
  for (const { content, dotted } of knownByKey.get(contentKey(bytes, start, end)) ?? none) {
    if (content.length === end - start && isAt(content, bytes, start)) return dotted;
  }
  return undefined;
}

/** OBJECT IDENTIFIER from its dotted form. Throws `RangeError` on what `isOid` refuses. */
export function oidElement(dotted: string): Buffer {
  const known = elements.get(dotted);
  if (known !== undefined) return known;
  if (!isOid(dotted)) throw new RangeError(`"${dotted}" is no object identifier.`);
  return elementOf(dotted);
}

/** The dotted form of the content octets that lie at `start` to `end`; known ones come from a table. At most 64 octets, minimal arcs. */
export function oidFromContent(bytes: Buffer, start = 0, end = bytes.length): string {
  return (end - start <= maxContent && knownOid(bytes, start, end)) || unknownOid(bytes.subarray(start, end), start);
}

function unknownOid(content: Buffer, offset: number): string {
  if (content.length === 0 || content.length > maxContent || ((content[content.length - 1] as number) & 0x80) !== 0) {
    throw new DerError('bad-value', offset, 'OBJECT IDENTIFIER.');
  }
  const arcs: bigint[] = [];
  let arc = 0n;
  let isStart = true;
  for (const octet of content) {
    if (isStart && octet === 0x80) throw new DerError('bad-value', offset, 'OBJECT IDENTIFIER arc is not minimal.');
    arc = (arc << 7n) | BigInt(octet & 0x7f);
    isStart = (octet & 0x80) === 0;
    if (isStart) {
      arcs.push(arc);
      arc = 0n;
    }
  }
  const [joint, ...rest] = arcs as [bigint, ...bigint[]];
  const first = joint < 40n ? 0n : joint < 80n ? 1n : 2n;
  return [first, joint - first * 40n, ...rest].join('.');
}
