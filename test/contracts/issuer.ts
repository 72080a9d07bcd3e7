import { generateKeyPairSync } from 'node:crypto';
import type { Test } from 'tap';
import type { CertificateRequest, Issuer } from '../../src/enrolment/ports.js';
import {
  buildName,
  type Certificate,
  createSigner,
  dnsName,
  isSameName,
  parseCertificate,
  parseCrl,
  publicKeyOf,
  serialHex,
  signCsr,
  subjectAltNameExtension,
  subjectAltNames,
  verifyCertificate,
} from '../../src/pkix/index.js';
import { oids } from '../../src/protocol/der/index.js';
import { uuidv7 } from '../../src/runtime/ids.js';

/** A certificate in parts. Throws on bytes that are none. */
export function certificateOf(der: Buffer): Certificate {
  const parsed = parseCertificate(der);
  if (!parsed.ok) throw parsed.error;
  return parsed.value;
}

const tenantId = uuidv7();

/** Of an order of one and the same tenant. */
export function newRef(): string {
  return `${tenantId}-${uuidv7()}`;
}

/** What a device asks for, with its PKCS#10 where `isByPkcs10`. */
export function requestFor(commonName: string, isByPkcs10 = true, sans = [dnsName(`${commonName}.example`)]): CertificateRequest {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicKey = publicKeyOf(privateKey);
  const subject = buildName([[oids.commonName, commonName]]);
  const extensions = sans.length === 0 ? [] : [subjectAltNameExtension(sans)];
  return {
    publicKey: publicKey.spki,
    subject: subject.der,
    sans: sans.map(({ der }) => der),
    keyUsage: ['digitalSignature'],
    extendedKeyUsage: [oids.clientAuth],
    validitySeconds: 30 * 86_400,
    backdateSeconds: 300,
    ...(isByPkcs10 && { pkcs10: signCsr({ subject, extensions }, createSigner(privateKey, publicKey)) }),
  };
}

/** Issues or throws what the CA answered instead. */
export async function issuedBy(issuer: Issuer, ref: string, request: CertificateRequest): Promise<Buffer> {
  const answer = await issuer.issue(ref, request);
  if (answer.kind !== 'issued') throw new Error(JSON.stringify(answer));
  return answer.certificate;
}

const keyCompromise = 1;
const superseded = 4;
const certificateHold = 6;
const removeFromCrl = 8;

async function revokedSerials(issuer: Issuer): Promise<ReadonlyMap<string, number> | undefined> {
  const der = await issuer.crl?.();
  const crl = der === undefined ? undefined : parseCrl(der);
  return crl?.ok ? new Map(crl.value.revoked.map((entry) => [serialHex(entry.serial), entry.reason])) : undefined;
}

/** What every CA behind the port promises. `make` starts one; a CRL is asked of an issuer of its own, since lists are kept a while. */
export function issuerContract(t: Test, make: () => Promise<Issuer>, readCrl: () => Promise<Issuer> = make): void {
  t.test('says what it can do and how long it may take', async (t) => {
    const { timing, capabilities } = await make();
    t.ok(timing.timeoutMs > 0 && timing.maxProcessingMs >= 0 && timing.concurrency > 0);
    t.ok(capabilities.lookup, 'an outcome that is unknown can be found out');
  });

  for (const isByPkcs10 of [true, false]) {
    t.test(`issues exactly what was asked for, ${isByPkcs10 ? 'from a PKCS#10' : 'for a public key without a PKCS#10'}`, async (t) => {
      const issuer = await make();
      const request = requestFor(`asked-${isByPkcs10}`, isByPkcs10);
      t.strictSame((await issuer.accepts?.(request)) ?? { ok: true, value: true }, { ok: true, value: true });
      const certificate = certificateOf(await issuedBy(issuer, newRef(), request));
      t.ok(certificate.publicKey.spki.equals(request.publicKey), 'the key');
      t.ok(certificate.subject.der.equals(request.subject), 'the subject');
      const sans = subjectAltNames(certificate.extensions);
      t.strictSame(sans.ok && sans.value.map(({ der }) => der), request.sans);
      const chain = (await issuer.chain()).map(certificateOf);
      t.ok(chain[0] !== undefined && verifyCertificate(certificate, chain[0].publicKey).ok, 'signed by the first of the chain');
      const last = chain.at(-1);
      t.ok(last !== undefined && isSameName(last.issuer, last.subject), 'the chain ends with a root');
      t.ok(
        chain.every((item, index) => index === 0 || verifyCertificate(chain[index - 1] as Certificate, item.publicKey).ok),
        'each certifies the one before',
      );
    });
  }

  t.test('finds under its ref what it issued, or answers the same request with the same certificate', async (t) => {
    const issuer = await make();
    const [ref, request] = [newRef(), requestFor('looked-up')];
    const certificate = await issuedBy(issuer, ref, request);
    const found = await issuer.lookup(ref, request.publicKey, null, request);
    if (found.kind === 'found') t.ok(found.certificate.equals(certificate));
    else {
      t.strictSame(found, { kind: 'none' });
      t.ok(issuer.capabilities.uniqueRef, 'only who cannot issue twice may say that there is nothing');
      t.ok((await issuedBy(issuer, ref, request)).equals(certificate));
    }
  });

  t.test('finds nothing where nothing was issued', async (t) => {
    const issuer = await make();
    const [asked, other] = [requestFor('never-asked'), requestFor('never-asked')];
    t.strictSame(await issuer.lookup(newRef(), asked.publicKey, null, asked), { kind: 'none' });
    await issuedBy(issuer, newRef(), other);
    t.strictSame(await issuer.lookup(newRef(), asked.publicKey, null, asked), { kind: 'none' }, 'the same device with another key');
  });

  t.test('revokes once and for all, however often it is asked', async (t) => {
    const issuer = await make();
    const certificate = await issuedBy(issuer, newRef(), requestFor('revoked'));
    t.strictSame(await issuer.revoke(certificate, keyCompromise), { ok: true, value: true });
    t.strictSame(await issuer.revoke(certificate, keyCompromise), { ok: true, value: true });
    t.strictSame(await issuer.revoke(certificate, superseded), { ok: true, value: true }, 'also for another reason');
    const listed = await revokedSerials(await readCrl());
    if (listed !== undefined) t.equal(listed.get(serialHex(certificateOf(certificate).serial)), keyCompromise);
  });

  t.test('puts on hold, and lets go', async (t) => {
    const issuer = await make();
    const certificate = await issuedBy(issuer, newRef(), requestFor('held'));
    t.strictSame(await issuer.revoke(certificate, certificateHold), { ok: true, value: true });
    t.strictSame(await issuer.revoke(certificate, removeFromCrl), { ok: true, value: true });
    const listed = await revokedSerials(await readCrl());
    if (listed !== undefined) t.notOk(listed.has(serialHex(certificateOf(certificate).serial)), 'no longer on the list');
    t.strictSame(await issuer.revoke(certificate, superseded), { ok: true, value: true }, 'and may be revoked after all');
  });
}
