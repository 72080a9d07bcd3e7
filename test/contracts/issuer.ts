import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { Test } from 'tap';
import type { CertificateRequest, Issuer } from '../../src/enrolment/ports.js';
import {
  basicConstraintsOf,
  buildName,
  type Certificate,
  createSigner,
  dnsName,
  isSameName,
  parseCertificate,
  parseCrl,
  publicKeyOf,
  signCsr,
  subjectAltNameExtension,
  subjectAltNames,
  verifyCertificate,
} from '../../src/pkix/index.js';
import { oids } from '../../src/protocol/der/index.js';
import { uuidv7 } from '../../src/runtime/ids.js';

/** An issuer that is set up and answers, with what it can do beyond the least. */
export interface IssuerUnderTest {
  readonly issuer: Issuer;
  /** certificateHold and removeFromCRL. */
  readonly isHoldKnown: boolean;
  /** How long certificates are valid is a setting of the CA, whatever is asked for. */
  readonly decidesValidity?: true;
  /** What this CA never issues for; by default a key that is too weak. */
  readonly unfit?: CertificateRequest;
}

export const newRef = (): string => `${uuidv7()}-${uuidv7()}`;

let devices = 0;

export interface RequestFields extends Partial<CertificateRequest> {
  readonly key?: KeyObject;
  readonly commonName?: string;
}

/** What a device asked for and was granted, with its PKCS#10 over the same names. */
export function requestWithPkcs10({ key, commonName, ...fields }: RequestFields = {}): CertificateRequest & { readonly pkcs10: Buffer } {
  devices += 1;
  const privateKey = key ?? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const signer = createSigner(privateKey, publicKeyOf(privateKey));
  const cn = commonName ?? `device-${devices}.example`;
  const subject = buildName([[oids.commonName, cn]]);
  const sans = [dnsName(cn)];
  const pkcs10 = signCsr({ subject, extensions: [subjectAltNameExtension(sans, false)] }, signer);
  return {
    publicKey: signer.publicKey.spki,
    subject: subject.der,
    sans: sans.map((name) => name.der),
    keyUsage: ['digitalSignature'],
    extendedKeyUsage: [oids.clientAuth],
    validitySeconds: 30 * 86_400,
    backdateSeconds: 0,
    pkcs10,
    ...fields,
  };
}

export function certificateIn(der: Buffer): Certificate {
  const parsed = parseCertificate(der);
  if (!parsed.ok) throw parsed.error;
  return parsed.value;
}

export async function issuedFor(issuer: Issuer, request: CertificateRequest, ref: string = newRef()): Promise<Certificate> {
  const answer = await issuer.issue(ref, request);
  if (answer.kind !== 'issued') throw new Error(JSON.stringify(answer));
  return certificateIn(answer.certificate);
}

/** What the core may rely on with every CA; what one cannot do it says beforehand, and then does not half do. */
export async function issuerContract(t: Test, { issuer, isHoldKnown, decidesValidity, unfit }: IssuerUnderTest): Promise<void> {
  const chain = async () => (await issuer.chain()).map(certificateIn);

  t.test('shows its chain, the issuing CA first, each certified by the next', async (t) => {
    const [first, ...above] = await chain();
    t.ok(first !== undefined, 'there is a CA');
    let below = first as Certificate;
    for (const ca of above) {
      t.ok(isSameName(below.issuer, ca.subject) && verifyCertificate(below, ca.publicKey).ok);
      below = ca;
    }
    t.ok(isSameName(below.issuer, below.subject), 'up to a root');
  });

  t.test('issues exactly what was granted', async (t) => {
    const request = requestWithPkcs10();
    t.ok((await issuer.accepts?.(request))?.ok ?? true, 'and does not refuse it beforehand');
    const before = Date.now();
    const got = await issuedFor(issuer, request);
    const [ca] = await chain();
    t.same(got.publicKey.spki, request.publicKey);
    t.same(got.subject.der, request.subject);
    const names = subjectAltNames(got.extensions);
    t.same(names.ok && names.value.map(({ der }) => der), request.sans);
    t.ok(ca !== undefined && isSameName(got.issuer, ca.subject) && verifyCertificate(got, ca.publicKey).ok);
    const constraints = basicConstraintsOf(got.extensions);
    t.ok(constraints.ok && !constraints.value.ca);
    t.ok(decidesValidity || Math.abs(got.notAfter.getTime() - before - request.validitySeconds * 1000) < 60_000);
    t.ok(got.notBefore.getTime() <= Date.now());
  });

  t.test('issues without a PKCS#10, or says beforehand that it cannot and never does', async (t) => {
    const { pkcs10: _none, ...request } = requestWithPkcs10();
    const accepted = (await issuer.accepts?.(request)) ?? { ok: true };
    const answer = await issuer.issue(newRef(), request);
    t.equal(answer.kind, accepted.ok ? 'issued' : 'refused');
  });

  t.test('issues once for a ref, where it says so', async (t) => {
    const [ref, request] = [newRef(), requestWithPkcs10()];
    const first = await issuedFor(issuer, request, ref);
    const again = await issuedFor(issuer, request, ref);
    t.equal(again.der.equals(first.der), issuer.capabilities.uniqueRef);
  });

  t.test('finds what it issued, where it says so, and never says that there is none where it cannot know', async (t) => {
    const [ref, request] = [newRef(), requestWithPkcs10()];
    const { lookup, uniqueRef } = issuer.capabilities;
    const nothing = await issuer.lookup(ref, request.publicKey, null, request);
    t.equal(nothing.kind, lookup ? 'none' : 'unknown');
    const got = await issuedFor(issuer, request, ref);
    const found = await issuer.lookup(ref, request.publicKey, null, request);
    if (!lookup) return void t.equal(found.kind, 'unknown');
    // Where a ref is issued for once, asking again is a look-up too.
    if (found.kind === 'none') return void t.ok(uniqueRef);
    t.same(found, { kind: 'found', certificate: got.der });
    const other = await issuer.lookup(newRef(), requestWithPkcs10().publicKey, null, requestWithPkcs10());
    t.equal(other.kind, 'none', 'and nothing for another key');
  });

  t.test('refuses for good what it never issues for, in words', async (t) => {
    const weak = () => requestWithPkcs10({ key: generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey });
    t.match(await issuer.issue(newRef(), unfit ?? weak()), { kind: 'refused', reason: /.{10,}/ });
  });

  t.test('revokes, once and again, and its list shows it', async (t) => {
    const got = await issuedFor(issuer, requestWithPkcs10());
    t.same(await issuer.revoke(got.der, 4), { ok: true, value: true });
    t.same(await issuer.revoke(got.der, 4), { ok: true, value: true });
    const der = await issuer.crl?.();
    const crl = der === undefined ? undefined : parseCrl(der);
    t.ok(crl?.ok && crl.value.revoked.some(({ serial }) => serial.equals(got.serial)), 'the list of the CA');
    const [ca] = await chain();
    t.ok(ca !== undefined && crl?.ok && isSameName(crl.value.issuer, ca.subject));
    t.notOk((await issuer.revoke(Buffer.from('30030201ff', 'hex'), 4)).ok, 'what is no certificate is not revoked');
  });

  t.test('puts on hold and releases, or says that it cannot and leaves the certificate as it is', async (t) => {
    const got = await issuedFor(issuer, requestWithPkcs10());
    const isListed = async () => {
      const der = await issuer.crl?.();
      const crl = der === undefined ? undefined : parseCrl(der);
      return crl?.ok === true && crl.value.revoked.some(({ serial }) => serial.equals(got.serial));
    };
    for (const reason of [6, 8]) {
      const done = await issuer.revoke(got.der, reason);
      t.equal(done.ok, isHoldKnown, done.ok ? '' : done.error);
      t.equal(await isListed(), isHoldKnown && reason === 6);
    }
  });
}
