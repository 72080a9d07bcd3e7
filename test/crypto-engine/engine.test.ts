import { generateKeyPairSync } from 'node:crypto';
import { fromBER } from 'asn1js';
import t from 'tap';
import { type CaKeyType, createEngine, type Engine, type SigningRequest } from '../../src/crypto-engine/index.js';
import {
  basicConstraintsOf,
  buildChain,
  buildName,
  type Certificate,
  crlNumberOf,
  dnsName,
  emptyName,
  extendedKeyUsageOf,
  ipName,
  keyUsageOf,
  nameToText,
  parseCertificate,
  parseCrl,
  serialHex,
  subjectAltNames,
  toPem,
  uriName,
  verifyCrl,
} from '../../src/pkix/index.js';
import { oids } from '../../src/protocol/der/index.js';
import { stoppedClock } from '../../src/runtime/clock.js';
import { atOnce } from '../support/at-once.js';
import { memoryEngineStore } from '../support/memory-engine-store.js';
import { openBench } from '../support/openssl.js';
import { peculiar, pkijs } from '../support/oracles.js';

const start = new Date('2026-06-01T12:00:00Z');
const day = 86_400;

const spkiOf = {
  'RSA-2048': () => generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey,
  'P-256': () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey,
  'P-384': () => generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey,
  'P-521': () => generateKeyPairSync('ec', { namedCurve: 'P-521' }).publicKey,
  Ed25519: () => generateKeyPairSync('ed25519').publicKey,
};
type DeviceKey = keyof typeof spkiOf;

function requestFor(key: DeviceKey = 'P-256', fields: Partial<SigningRequest> = {}): SigningRequest {
  return {
    publicKey: spkiOf[key]().export({ format: 'der', type: 'spki' }),
    subject: buildName([[oids.commonName, 'device-1']]).der,
    sans: [dnsName('device-1.example').der, ipName('192.0.2.1').der],
    keyUsage: ['digitalSignature', 'keyEncipherment'],
    extendedKeyUsage: [oids.serverAuth, oids.clientAuth],
    validitySeconds: 365 * day,
    backdateSeconds: 300,
    ...fields,
  };
}

async function engineAt(keyType?: CaKeyType, store = memoryEngineStore(), clock = stoppedClock(start)): Promise<Engine> {
  const engine = createEngine({ store, clock, publicBaseUrl: 'http://pki.example/', ...(keyType && { keyType }) });
  await engine.ensureCas();
  return engine;
}

function certificate(der: Buffer | undefined): Certificate {
  const parsed = parseCertificate(der ?? Buffer.alloc(0));
  if (!parsed.ok) throw parsed.error;
  return parsed.value;
}

function issue(engine: Engine, fields: Partial<SigningRequest> = {}, key: DeviceKey = 'P-256'): Certificate {
  const signed = atOnce(engine.sign(requestFor(key, fields)));
  if (!signed.ok) throw new Error(signed.error);
  return certificate(signed.value.certificate);
}

async function verifiesWithOpenssl(engine: Engine, leaf: Buffer): Promise<string> {
  const bench = openBench();
  try {
    const [issuing, root] = engine.chain() as [Buffer, Buffer];
    bench.write('root.pem', toPem('CERTIFICATE', root));
    bench.write('issuing.pem', toPem('CERTIFICATE', issuing));
    bench.write('leaf.pem', toPem('CERTIFICATE', leaf));
    const lists = await Promise.all(['root', 'issuing'].map((id) => engine.crl(id)));
    bench.write('crls.pem', lists.map((list) => toPem('X509 CRL', list?.der ?? Buffer.alloc(0))).join(''));
    const time = String(start.getTime() / 1000);
    const options = [
      '-x509_strict',
      '-policy_check',
      '-attime',
      time,
      '-crl_check_all',
      '-CRLfile',
      'crls.pem',
      '-CAfile',
      'root.pem',
      '-untrusted',
      'issuing.pem',
    ];
    return (await bench.openssl('verify', ...options, 'leaf.pem')).output;
  } finally {
    bench.remove();
  }
}

t.test('the CAs', async (t) => {
  t.test('the root lives 20 years with path length 1, the issuing CA 10 years with path length 0', async (t) => {
    const engine = await engineAt();
    const [issuing, root] = engine.chain().map((der) => certificate(der)) as [Certificate, Certificate];
    t.equal(root.notAfter.toISOString(), '2046-06-01T12:00:00.000Z');
    t.equal(issuing.notAfter.toISOString(), '2036-06-01T12:00:00.000Z');
    t.same(basicConstraintsOf(root.extensions), { ok: true, value: { ca: true, pathLength: 1 } });
    t.same(basicConstraintsOf(issuing.extensions), { ok: true, value: { ca: true, pathLength: 0 } });
    t.same(keyUsageOf(issuing.extensions), { ok: true, value: ['keyCertSign', 'cRLSign'] });
    t.match(nameToText(root.subject), /^CN=Gatehouse Root CA [0-9a-f]{8},O=Gatehouse$/);
    t.match(nameToText(issuing.subject), /^CN=Gatehouse Issuing CA [0-9a-f]{8},O=Gatehouse$/);
    t.ok(engine.certificateOf('root')?.equals(root.der));
    t.equal(engine.certificateOf('other'), undefined);
    t.ok(buildChain({ leaf: issuing, intermediates: [], anchors: [root], at: start }).ok);
  });

  t.test('two installs have different names', async (t) => {
    const [one, other] = [await engineAt(), await engineAt()];
    t.notSame(certificate(one.certificateOf('root')).subject.der, certificate(other.certificateOf('root')).subject.der);
  });

  t.test('a second start loads the same CAs', async (t) => {
    const store = memoryEngineStore();
    const first = await engineAt('P-256', store);
    const second = await engineAt('RSA-2048', store);
    t.same(second.chain(), first.chain());
  });

  t.test('several nodes that start at once end with one set of CAs', async (t) => {
    const store = memoryEngineStore();
    const engines = await Promise.all(Array.from({ length: 5 }, () => engineAt('P-256', store)));
    t.equal((await store.listCas()).length, 2);
    for (const engine of engines) t.same(engine.chain(), engines[0]?.chain());
    const leaf = issue(engines[4] as Engine);
    t.match(await verifiesWithOpenssl(engines[0] as Engine, leaf.der), /leaf\.pem: OK/);
  });

  t.test('a start that was cut off after the root goes on under that root', async (t) => {
    const store = memoryEngineStore();
    const cut = {
      ...store,
      addCa: async (ca: Parameters<typeof store.addCa>[0]) => (ca.id === 'issuing' ? Promise.reject(new Error('power cut')) : store.addCa(ca)),
    };
    await t.rejects(engineAt('P-256', cut), { message: 'power cut' });
    const [root] = await store.listCas();
    const engine = await engineAt('P-256', store);
    t.ok(engine.certificateOf('root')?.equals(root?.certificate as Buffer));
  });

  t.test('a key that does not fit its certificate stops the start', async (t) => {
    const store = memoryEngineStore();
    const other = memoryEngineStore();
    await engineAt('P-256', other);
    await engineAt('P-256', store);
    const stranger = (await other.listCas()).find((ca) => ca.id === 'issuing');
    const mixed = {
      ...store,
      listCas: async () => (await store.listCas()).map((ca) => (ca.id === 'issuing' ? { ...ca, privateKey: stranger?.privateKey as Buffer } : ca)),
    };
    await t.rejects(engineAt('P-256', mixed), /does not fit/);
  });

  t.test('nothing is signed before the keys are loaded', async (t) => {
    const engine = createEngine({ store: memoryEngineStore(), clock: stoppedClock(start), publicBaseUrl: 'http://pki.example' });
    t.throws(() => engine.sign(requestFor()), /ensureCas/);
  });
});

t.test('certificates', async (t) => {
  for (const caKey of ['P-256', 'RSA-2048', 'RSA-3072'] as const) {
    t.test(`a ${caKey} CA certifies every key type it knows, and openssl verifies the path`, async (t) => {
      const engine = await engineAt(caKey);
      for (const key of Object.keys(spkiOf) as DeviceKey[]) {
        const leaf = issue(engine, {}, key);
        t.match(await verifiesWithOpenssl(engine, leaf.der), /leaf\.pem: OK/, key);
        const usage = key === 'RSA-2048' ? ['digitalSignature', 'keyEncipherment'] : ['digitalSignature'];
        t.same(keyUsageOf(leaf.extensions), { ok: true, value: usage }, `${key}: keyEncipherment only for RSA`);
      }
    });
  }

  t.test('@peculiar/x509 and pkijs read what was written and verify the signature', async (t) => {
    for (const caKey of ['P-256', 'RSA-2048'] as const) {
      const engine = await engineAt(caKey);
      const leaf = issue(engine);
      const seen = new peculiar.X509Certificate(leaf.der);
      const issuing = new peculiar.X509Certificate(engine.certificateOf('issuing') as Buffer);
      t.equal(seen.subject, 'CN=device-1');
      t.equal(seen.serialNumber, serialHex(leaf.serial));
      t.equal(seen.issuer, issuing.subject);
      t.equal(
        seen
          .getExtension(peculiar.SubjectAlternativeNameExtension)
          ?.names.toJSON()
          .map((name) => name.value)
          .join(),
        'device-1.example,192.0.2.1',
      );
      t.equal(seen.getExtension(peculiar.BasicConstraintsExtension)?.ca, false);
      t.equal(seen.getExtension(peculiar.AuthorityKeyIdentifierExtension)?.keyId, issuing.getExtension(peculiar.SubjectKeyIdentifierExtension)?.keyId);
      t.ok(await seen.verify({ publicKey: await issuing.publicKey.export(), signatureOnly: true }));
      const own = new pkijs.Certificate({ schema: fromBER(new Uint8Array(leaf.der)).result });
      const ca = new pkijs.Certificate({ schema: fromBER(new Uint8Array(issuing.rawData)).result });
      t.ok(await own.verify(ca));
      t.ok(Buffer.from(own.toSchema(true).toBER()).equals(leaf.der), 'pkijs writes the same bytes again');
    }
  });

  t.test('carries the usages, names and pointers it was asked for', async (t) => {
    const leaf = issue(await engineAt());
    t.same(extendedKeyUsageOf(leaf.extensions), { ok: true, value: [oids.serverAuth, oids.clientAuth] });
    const sans = subjectAltNames(leaf.extensions);
    t.same(sans.ok && sans.value.map((name) => name.text), ['device-1.example', '192.0.2.1']);
    const text = (oid: string) => leaf.extensions.find((item) => item.oid === oid)?.value.toString('latin1');
    t.match(text(oids.cRLDistributionPoints), 'http://pki.example/pki/issuing.crl');
    t.match(text(oids.authorityInfoAccess), 'http://pki.example/pki/issuing.cer');
    t.same(
      leaf.extensions.filter((item) => item.critical).map((item) => item.oid),
      [oids.basicConstraints, oids.keyUsage],
    );
    t.same(basicConstraintsOf(leaf.extensions), { ok: true, value: { ca: false } });
  });

  t.test('alternative names are critical when the subject is empty (RFC 5280 section 4.2.1.6)', async (t) => {
    const engine = await engineAt();
    const leaf = issue(engine, { subject: emptyName.der, sans: [uriName('urn:device:1').der] });
    t.equal(leaf.extensions.find((item) => item.oid === oids.subjectAltName)?.critical, true);
    t.match(await verifiesWithOpenssl(engine, leaf.der), /leaf\.pem: OK/);
  });

  t.test('extensions nobody asked for are absent, not empty', async (t) => {
    const leaf = issue(await engineAt(), { sans: [], keyUsage: [], extendedKeyUsage: [] });
    const present = leaf.extensions.map((item) => item.oid);
    for (const oid of [oids.subjectAltName, oids.keyUsage, oids.extKeyUsage]) t.notOk(present.includes(oid));
  });

  t.test('an RA certificate carries cmcRA', async (t) => {
    const leaf = issue(await engineAt(), { extendedKeyUsage: [oids.cmcRA] });
    t.same(extendedKeyUsageOf(leaf.extensions), { ok: true, value: [oids.cmcRA] });
  });

  t.test('serial numbers are positive, 16 octets and differ', async (t) => {
    const engine = await engineAt();
    const request = requestFor();
    const serials = Array.from({ length: 600 }, () => {
      const signed = atOnce(engine.sign(request));
      return signed.ok ? serialHex(certificate(signed.value.certificate).serial) : '';
    });
    t.equal(new Set(serials).size, 600);
    t.ok(serials.every((serial) => /^[4-7][0-9a-f]{31}$/.test(serial)));
  });

  t.test('validity starts backdated and ends after the asked time', async (t) => {
    const leaf = issue(await engineAt(), { validitySeconds: 30 * day, backdateSeconds: 600 });
    t.equal(leaf.notBefore.toISOString(), '2026-06-01T11:50:00.000Z');
    t.equal(leaf.notAfter.toISOString(), '2026-07-01T12:00:00.000Z');
  });

  t.test('no certificate outlives its CA or starts before it', async (t) => {
    const leaf = issue(await engineAt(), { validitySeconds: 50 * 365 * day, backdateSeconds: 10 * day });
    t.equal(leaf.notAfter.toISOString(), '2036-06-01T12:00:00.000Z');
    t.equal(leaf.notBefore.toISOString(), '2026-05-31T12:00:00.000Z');
  });

  t.test('a CA past its end refuses', async (t) => {
    const clock = stoppedClock(start);
    const engine = await engineAt('P-256', memoryEngineStore(), clock);
    clock.advance(11 * 365.25 * day * 1000);
    t.same(engine.sign(requestFor()), { ok: false, error: 'The issuing CA has expired.' });
  });

  t.test('refuses in words what it cannot certify', async (t) => {
    const engine = await engineAt();
    const x25519 = generateKeyPairSync('x25519').publicKey.export({ format: 'der', type: 'spki' });
    const refused: [string, Partial<SigningRequest>, string][] = [
      ['no key', { publicKey: Buffer.from('30', 'hex') }, 'The public key is malformed.'],
      ['a key that cannot sign', { publicKey: x25519 }, 'Keys of type 1.3.101.110 are not certified by this engine.'],
      ['an unknown usage', { keyUsage: ['everything'] }, '"everything" is not a key usage.'],
      ['no time', { validitySeconds: 0, backdateSeconds: 0 }, 'The requested validity is empty.'],
      ['time that is no number', { validitySeconds: Number.NaN }, 'The requested validity is empty.'],
    ];
    for (const [name, fields, error] of refused) t.same(engine.sign(requestFor('P-256', fields)), { ok: false, error }, name);
  });
});

t.test('issue and lookup', async (t) => {
  t.test('the same ref gets the certificate that stands there', async (t) => {
    const store = memoryEngineStore();
    const engine = await engineAt('P-256', store);
    const [first, second] = [await engine.issue('tenant-order', requestFor()), await engine.issue('tenant-order', requestFor())];
    t.ok(first.ok && second.ok && first.value.equals(second.value));
    t.equal(store.records.length, 1);
    t.same(await engine.lookup('tenant-order'), first.ok && first.value);
    t.equal(await engine.lookup('tenant-other'), undefined);
  });

  t.test('what is refused is not recorded', async (t) => {
    const store = memoryEngineStore();
    const engine = await engineAt('P-256', store);
    t.notOk((await engine.issue('ref', requestFor('P-256', { keyUsage: ['x'] }))).ok);
    t.equal(store.records.length, 0);
  });
});

t.test('revocation lists', async (t) => {
  async function issued(engine: Engine, ref: string): Promise<Buffer> {
    const result = await engine.issue(ref, requestFor());
    if (!result.ok) throw new Error(result.error);
    return result.value;
  }

  for (const caKey of ['P-256', 'RSA-2048'] as const) {
    t.test(`a ${caKey} CA lists what was revoked, with reason; openssl, @peculiar/x509 and pkijs agree`, async (t) => {
      const engine = await engineAt(caKey);
      const [one, two] = [await issued(engine, 'one'), await issued(engine, 'two')];
      t.same(await engine.revoke(one, 1), { ok: true, value: true });
      t.same(await engine.revoke(two, 0), { ok: true, value: true });
      const published = await engine.crl('issuing');
      const crl = parseCrl(published?.der as Buffer);
      if (!crl.ok) throw crl.error;
      t.same(
        crl.value.revoked.map((item) => [serialHex(item.serial), item.reason]),
        [
          [serialHex(certificate(one).serial), 1],
          [serialHex(certificate(two).serial), 0],
        ],
      );
      t.equal(crl.value.version, 2);
      t.equal(crl.value.nextUpdate?.getTime(), start.getTime() + 7 * day * 1000);
      t.equal(crlNumberOf(crl.value), 1);
      t.same(
        crl.value.extensions.map((item) => item.oid),
        [oids.authorityKeyIdentifier, oids.crlNumber],
      );
      t.same(verifyCrl(crl.value, certificate(engine.certificateOf('issuing')).publicKey), { ok: true, value: true });
      t.same(verifyCrl(crl.value, certificate(engine.certificateOf('root')).publicKey).ok, false);

      t.match(await verifiesWithOpenssl(engine, one), /certificate revoked/);
      const seen = new peculiar.X509Crl(published?.der as Buffer);
      t.equal(seen.findRevoked(serialHex(certificate(one).serial))?.reason, peculiar.X509CrlReason.keyCompromise);
      t.equal(seen.findRevoked(serialHex(certificate(two).serial))?.reason, undefined, 'reason 0 is not written (RFC 5280 section 5.3.1)');
      const own = pkijs.CertificateRevocationList.fromBER(new Uint8Array(published?.der as Buffer));
      const ca = pkijs.Certificate.fromBER(new Uint8Array(engine.certificateOf('issuing') as Buffer));
      t.ok(await own.verify({ issuerCertificate: ca }));
    });
  }

  t.test('an empty list has no revokedCertificates (RFC 5280 section 5.1.2.6)', async (t) => {
    const engine = await engineAt();
    const bench = openBench();
    bench.write('root.crl', (await engine.crl('root'))?.der as Buffer);
    const seen = await bench.openssl('crl', '-inform', 'DER', '-in', 'root.crl', '-noout', '-text');
    bench.remove();
    t.match(seen.stdout, /No Revoked Certificates/);
    t.match(seen.stdout, /CRL Number:\s+1\b/);
  });

  t.test('a list is kept for a day and made anew after it', async (t) => {
    const clock = stoppedClock(start);
    const engine = await engineAt('P-256', memoryEngineStore(), clock);
    const first = await engine.crl('issuing');
    clock.advance(23 * 3_600_000);
    t.equal(await engine.crl('issuing'), first);
    clock.advance(2 * 3_600_000);
    const next = await engine.crl('issuing');
    t.equal(next?.number, 2);
    t.equal(next?.thisUpdate.getTime(), start.getTime() + 25 * 3_600_000);
  });

  t.test('concurrent readers get one list', async (t) => {
    const engine = await engineAt();
    const lists = await Promise.all(Array.from({ length: 8 }, () => engine.crl('issuing')));
    t.same(
      lists.map((list) => list?.number),
      Array(8).fill(1),
    );
  });

  t.test('a revocation is on the next list at once, even while a list is being made', async (t) => {
    const engine = await engineAt();
    const der = await issued(engine, 'one');
    await engine.crl('issuing');
    const [, revoked] = await Promise.all([engine.crl('issuing'), engine.revoke(der, 4)]);
    t.ok(revoked.ok);
    t.equal((await engine.crl('issuing'))?.number, 2);
    t.match(await verifiesWithOpenssl(engine, der), /certificate revoked/);
  });

  t.test('a revocation by another process is on the list within 30 seconds', async (t) => {
    const [store, clock] = [memoryEngineStore(), stoppedClock(start)];
    const [here, there] = [await engineAt('P-256', store, clock), await engineAt('P-256', store, clock)];
    const der = await issued(here, 'one');
    await here.crl('issuing');
    await there.revoke(der, 1);
    clock.advance(31_000);
    const crl = parseCrl((await here.crl('issuing'))?.der as Buffer);
    t.equal(crl.ok && crl.value.revoked.length, 1);
  });

  t.test('revoking twice keeps the first time and reason', async (t) => {
    const clock = stoppedClock(start);
    const engine = await engineAt('P-256', memoryEngineStore(), clock);
    const der = await issued(engine, 'one');
    await engine.revoke(der, 1);
    clock.advance(60_000);
    t.same(await engine.revoke(der, 5), { ok: true, value: true });
    const crl = parseCrl((await engine.crl('issuing'))?.der as Buffer);
    t.match(crl.ok && crl.value.revoked, [{ reason: 1, revokedAt: start }]);
  });

  t.test('certificates of others are not revoked', async (t) => {
    const [engine, other] = [await engineAt(), await engineAt()];
    t.same(await engine.revoke(await issued(other, 'x'), 1), { ok: false, error: 'The certificate is not of this engine.' });
    t.same(await engine.revoke(issue(engine).der, 1), { ok: false, error: 'The certificate is not on record.' });
    t.same(await engine.revoke(Buffer.from('x'), 1), { ok: false, error: 'The certificate is malformed.' });
  });

  t.test('while the database is away a valid list goes on being served, an expired one does not', async (t) => {
    const [store, clock] = [memoryEngineStore(), stoppedClock(start)];
    let isAway = false;
    const shaky = { ...store, revocations: async (id: string) => (isAway ? Promise.reject(new Error('away')) : store.revocations(id)) };
    const engine = await engineAt('P-256', shaky, clock);
    const list = await engine.crl('issuing');
    isAway = true;
    clock.advance(6 * day * 1000);
    t.equal(await engine.crl('issuing'), list);
    clock.advance(2 * day * 1000);
    await t.rejects(engine.crl('issuing'), { message: 'away' });
  });

  t.test('there is no list of an unknown CA', async (t) => t.equal(await (await engineAt()).crl('other'), undefined));
});
