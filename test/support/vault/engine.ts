import { randomUUID } from 'node:crypto';
import {
  buildRdns,
  type CertificationRequest,
  extendedKeyUsageExtension,
  fromPem,
  type KeyUsage,
  keyUsageExtension,
  parseCsr,
  serialHex,
  subjectAltNameExtension,
  subjectAltNames,
  toPem,
  verifyCertificate,
  verifyCsr,
} from '../../../src/pkix/index.js';
import { oids } from '../../../src/protocol/der/index.js';
import { certify, crlOf, makeCa, parsedCertificate, type TestCa } from './pki.js';

export interface RoleSettings {
  readonly organization?: readonly string[];
  readonly allowed_domains?: readonly string[];
  readonly key_type?: 'any' | 'rsa' | 'ec';
  readonly no_store?: boolean;
  readonly max_ttl?: number;
}

/** An answer of the secrets engine: data, or the errors that stand in its place. */
export type Answered = { readonly status: number; readonly data?: object; readonly errors?: readonly string[]; readonly bytes?: Buffer };

export const refused = (status: number, ...errors: string[]): Answered => ({ status, errors });

interface Stored {
  readonly der: Buffer;
  readonly serial: Buffer;
  readonly issuer: TestCa;
  revokedAt: Date | undefined;
}

/** `aa:bb:cc`, as the secrets engine writes serial numbers. */
const colons = (serial: Buffer): string => (serialHex(serial).match(/../g) ?? []).join(':');
const pem = (der: Buffer): string => toPem('CERTIFICATE', der);

/** What a role puts into keyUsage where its setting key_usage says nothing else. */
const usualUsages: readonly KeyUsage[] = ['digitalSignature', 'keyEncipherment', 'keyAgreement'];

/** Vault's words are those of X.509 with a capital letter, but for one. */
function usagesIn(words: unknown): readonly KeyUsage[] {
  if (!Array.isArray(words)) return usualUsages;
  return words.map((word: string) => (word === 'ContentCommitment' ? 'nonRepudiation' : (`${word[0]?.toLowerCase()}${word.slice(1)}` as KeyUsage)));
}

/** A PKI secrets engine with the calls, texts and habits of OpenBao 2, as far as a registration authority meets them. */
export class PkiEngine {
  readonly #issuers = new Map<string, { readonly name: string; readonly ca: TestCa }>();
  readonly #default: string;
  readonly #stored = new Map<string, Stored>();
  readonly #roles = new Map<string, RoleSettings>();
  #crlNumber = 0;
  issued = 0;

  constructor(roles: Readonly<Record<string, RoleSettings>>) {
    const root = makeCa('Vault Test Root');
    this.#default = randomUUID();
    this.#issuers.set(this.#default, { name: 'issuing-2026', ca: makeCa('Vault Test Issuing', root) });
    this.#issuers.set(randomUUID(), { name: 'issuing-2025', ca: makeCa('Vault Test Issuing of before', root) });
    for (const [name, role] of Object.entries(roles)) this.#roles.set(name, role);
  }

  #issuerOf(ref: string): TestCa | undefined {
    const found =
      ref === 'default' ? this.#issuers.get(this.#default) : (this.#issuers.get(ref) ?? [...this.#issuers.values()].find(({ name }) => name === ref));
    return found?.ca;
  }

  sign(issuerRef: string, roleName: string, isVerbatim: boolean, body: Readonly<Record<string, unknown>>): Answered {
    const issuer = this.#issuerOf(issuerRef);
    if (issuer === undefined) return refused(400, `unable to find PKI issuer for reference: ${issuerRef}`);
    const role = this.#roles.get(roleName);
    if (role === undefined) return refused(400, `unknown role: ${roleName}`);
    const csr = readCsr(String(body.csr ?? ''));
    if (typeof csr === 'string') return refused(400, csr);
    const keyType = csr.publicKey.type === 'rsa' ? 'rsa' : 'ec';
    if (!isVerbatim && role.key_type !== undefined && role.key_type !== 'any' && role.key_type !== keyType)
      return refused(400, `role requires keys of type ${role.key_type}`);
    if (csr.publicKey.type === 'rsa' && csr.publicKey.size < 2048) return refused(400, 'RSA keys < 2048 bits are unsafe and not supported');
    const names = subjectAltNames(csr.extensions);
    const sans = names.ok ? names.value : [];
    const commonName = csr.subject.rdns.flat().find(({ type }) => type === oids.commonName)?.text ?? '';
    const allowed = (name: string) =>
      role.allowed_domains === undefined || role.allowed_domains.some((domain) => name === domain || name.endsWith(`.${domain}`));
    if (!isVerbatim && !allowed(commonName)) return refused(400, `common name ${commonName} not allowed by this role`);
    const bad = isVerbatim ? undefined : sans.find(({ type, text }) => type === 'dns' && !allowed(text));
    if (bad !== undefined) return refused(400, `subject alternate name ${bad.text} not allowed by this role`);
    const lifeMs = Math.min(Number.parseInt(String(body.ttl ?? '2764800s'), 10), role.max_ttl ?? Number.POSITIVE_INFINITY) * 1000;
    const end = issuer.certificate.notAfter;
    if (Date.now() + lifeMs > end.getTime()) {
      const notAfter = new Date(Date.now() + lifeMs).toISOString();
      return refused(
        400,
        `cannot satisfy request, as TTL would result in notAfter of ${notAfter} that is beyond the expiration of the CA certificate at ${end.toISOString()}`,
      );
    }
    return this.#issue(issuer, role, csr, isVerbatim, body, lifeMs);
  }

  #issue(
    issuer: TestCa,
    role: RoleSettings,
    csr: CertificationRequest,
    isVerbatim: boolean,
    body: Readonly<Record<string, unknown>>,
    lifeMs: number,
  ): Answered {
    const organizations = (role.organization ?? []).map((text) => [[oids.organizationName, text]] as const);
    const commonNames = csr.subject.rdns.flat().flatMap(({ type, text }) => (type === oids.commonName ? [[[type, text]] as const] : []));
    const names = subjectAltNames(csr.extensions);
    const sans = names.ok && names.value.length > 0 ? [subjectAltNameExtension(names.value, csr.subject.rdns.length === 0)] : [];
    const purposes = isVerbatim ? (body.ext_key_usage_oids as string[]) : [oids.serverAuth, oids.clientAuth];
    const usage = [
      keyUsageExtension(isVerbatim ? usagesIn(body.key_usage) : usualUsages),
      ...(purposes.length > 0 ? [extendedKeyUsageExtension(purposes)] : []),
    ];
    const subject = isVerbatim ? csr.subject : buildRdns([...organizations, ...commonNames]);
    const der = certify(
      { key: issuer.key, publicKey: issuer.publicKey, subject: issuer.certificate.subject },
      { subject, publicKey: csr.publicKey, extensions: [...usage, ...sans], lifeMs },
    );
    const certificate = parsedCertificate(der);
    this.issued += 1;
    if (role.no_store !== true) this.#stored.set(colons(certificate.serial), { der, serial: certificate.serial, issuer, revokedAt: undefined });
    const [issuing = '', ...above] = issuer.chain.map(pem);
    const expiration = Math.floor(certificate.notAfter.getTime() / 1000);
    const data = { certificate: pem(der), issuing_ca: issuing, ca_chain: [issuing, ...above], serial_number: colons(certificate.serial), expiration };
    return { status: 200, data };
  }

  revoke(body: Readonly<Record<string, unknown>>): Answered {
    if (body.serial_number !== undefined && body.certificate !== undefined)
      return refused(400, 'Must provide either the certificate or the serial to revoke; not both.');
    const serial = body.certificate === undefined ? String(body.serial_number) : this.#bring(String(body.certificate));
    const stored = this.#stored.get(serial ?? '');
    if (serial === undefined) return refused(400, 'unable to verify signature on presented cert from any present issuer in this mount');
    if (stored === undefined) return refused(400, `certificate with serial ${serial} not found.`);
    stored.revokedAt ??= new Date();
    return { status: 200, data: { revocation_time: Math.floor(stored.revokedAt.getTime() / 1000), state: 'revoked' } };
  }

  /** A certificate that is not stored is taken in when it is of one of our issuers. */
  #bring(text: string): string | undefined {
    const [der] = fromPem('CERTIFICATE', text);
    if (der === undefined) return undefined;
    const certificate = parsedCertificate(der);
    const issuer = [...this.#issuers.values()].find(({ ca }) => verifyCertificate(certificate, ca.publicKey).ok)?.ca;
    const serial = colons(certificate.serial);
    if (issuer !== undefined && !this.#stored.has(serial)) this.#stored.set(serial, { der, serial: certificate.serial, issuer, revokedAt: undefined });
    return issuer === undefined ? undefined : serial;
  }

  certificate(serial: string): Answered {
    const stored = this.#stored.get(serial);
    if (serial === 'ca') return { status: 200, data: { certificate: pem(this.#issuerOf('default')?.chain[0] ?? Buffer.alloc(0)) } };
    if (serial === 'ca_chain') return { status: 200, data: { certificate: (this.#issuerOf('default')?.chain ?? []).map(pem).join('\n') } };
    if (stored === undefined) return refused(404);
    return {
      status: 200,
      data: { certificate: pem(stored.der), revocation_time: stored.revokedAt === undefined ? 0 : Math.floor(stored.revokedAt.getTime() / 1000) },
    };
  }

  /** An empty list is answered with 404. */
  certificates(): Answered {
    const keys = [...this.#stored.keys()];
    return keys.length === 0 ? refused(404) : { status: 200, data: { keys } };
  }

  issuers(): Answered {
    const info = Object.fromEntries([...this.#issuers].map(([id, { name }]) => [id, { issuer_name: name, is_default: id === this.#default }]));
    return { status: 200, data: { keys: [...this.#issuers.keys()], key_info: info } };
  }

  issuer(ref: string): Answered {
    const ca = this.#issuerOf(ref);
    if (ca === undefined) return refused(400, `unable to find PKI issuer for reference: ${ref}`);
    return { status: 200, data: { certificate: pem(ca.chain[0] ?? Buffer.alloc(0)), ca_chain: ca.chain.map(pem) } };
  }

  crl(ref: string): Answered {
    const ca = this.#issuerOf(ref);
    if (ca === undefined) return refused(400, `unable to find PKI issuer for reference: ${ref}`);
    const revoked = [...this.#stored.values()].flatMap(({ serial, revokedAt, issuer }) =>
      issuer === ca && revokedAt !== undefined ? [{ serial, revokedAt }] : [],
    );
    this.#crlNumber += 1;
    return { status: 200, bytes: crlOf(ca, revoked, this.#crlNumber) };
  }

  roles(): Answered {
    return { status: 200, data: { keys: [...this.#roles.keys()] } };
  }

  role(name: string): Answered {
    const role = this.#roles.get(name);
    if (role === undefined) return refused(404);
    const rest = { ou: [], country: [], locality: [], province: [], use_csr_common_name: true, use_csr_sans: true, max_ttl: role.max_ttl ?? 0 };
    return { status: 200, data: { organization: [], no_store: false, ...rest, ...role } };
  }
}

function readCsr(text: string): CertificationRequest | string {
  if (text === '') return '"csr" is empty';
  const [der] = fromPem('CERTIFICATE REQUEST', text);
  if (der === undefined) return 'csr contains no data';
  const csr = parseCsr(der);
  if (!csr.ok || !verifyCsr(csr.value).ok) return 'certificate request could not be parsed: asn1: structure error';
  return csr.value;
}
