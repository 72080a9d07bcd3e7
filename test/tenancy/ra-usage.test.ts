import { createPrivateKey } from 'node:crypto';
import { Writable } from 'node:stream';
import t from 'tap';
import { deviceKey } from '../../src/device-client/scep.js';
import type { Issuer } from '../../src/enrolment/ports.js';
import { type KeyUsage, keyUsageExtension, parseName, publicKeyOf } from '../../src/pkix/index.js';
import { systemClock } from '../../src/runtime/clock.js';
import { createLog } from '../../src/runtime/log.js';
import { ok } from '../../src/runtime/result.js';
import type { RaKey } from '../../src/tenancy/credentials.js';
import { createRaKeyCache } from '../../src/tenancy/load-ra-key.js';
import { readSnapshot } from '../../src/tenancy/read-endpoints.js';
import { generateRaKey } from '../../src/workers/prepare-ra-key.js';
import { ensureRaKeys } from '../../src/workers/ra-keys.js';
import { authority, certify, name } from '../endpoints/scep/world.js';
import { memoryRaKeyStore } from '../support/memory-credential-store.js';
import { cmpProfile, scepProfile } from '../support/profiles.js';

const issuing = authority('/CN=Issuing CA');

function logged() {
  const lines: string[] = [];
  const log = createLog('info', new Writable({ write: (line, _encoding, done) => (lines.push(String(line)) > 0 ? done() : undefined) }));
  return { lines, log };
}

/** What the directory makes of one stored RA key with these usages under a CA with those. */
async function loaded(usages: readonly KeyUsage[] | undefined, caUsages: readonly KeyUsage[] = ['keyCertSign', 'cRLSign'], profile = scepProfile()) {
  const fresh = await generateRaKey(profile);
  const key = deviceKey(createPrivateKey({ key: fresh.privateKey.reveal(), format: 'der', type: 'pkcs8' }));
  const ca = certify(
    { key: issuing.key, name: issuing.certificate.subject },
    { publicKey: issuing.key.publicKey, subject: issuing.certificate.subject, extensions: [keyUsageExtension(caUsages)] },
  );
  const extensions = usages === undefined ? [] : [keyUsageExtension(usages)];
  const certificate = certify({ key: issuing.key, name: ca.subject }, { publicKey: key.publicKey, subject: name('/CN=RA'), extensions });
  const stored: RaKey = { ...fresh, state: 'active', certificate: certificate.der, chain: [ca.der], tenantId: profile.tenantId, createdAt: new Date() };
  const { lines, log } = logged();
  const cache = createRaKeyCache();
  const sources = { profiles: { all: async () => [profile] }, credentials: { listRaKeys: async () => [stored] }, log };
  const first = await readSnapshot(sources, cache);
  await readSnapshot(sources, cache);
  return { keys: first.raKeys.get(profile.id)?.length, lines };
}

t.test('SCEP-036 an RA certificate without digitalSignature and keyEncipherment is not used, and the log says what it lacks', async (t) => {
  const good = await loaded(['digitalSignature', 'keyEncipherment']);
  t.same([good.keys, good.lines], [1, []]);
  for (const [usages, lacks] of [
    [['digitalSignature'], 'keyEncipherment'],
    [['keyEncipherment'], 'digitalSignature'],
    [['nonRepudiation', 'keyAgreement'], 'digitalSignature and keyEncipherment'],
    [undefined, 'digitalSignature and keyEncipherment'],
  ] as const) {
    const { keys, lines } = await loaded(usages);
    t.equal(keys, 0, `without ${lacks}`);
    t.match(lines[0], `its certificate lacks the keyUsage ${lacks}.`);
  }
  t.equal((await loaded(['digitalSignature'], undefined, cmpProfile() as never)).keys, 1, 'CMP replies are only signed');
});

t.test('SCEP-036 a CA that leaves the usages out is told so: the key is given up, the one in use stays', async (t) => {
  const credentials = memoryRaKeyStore();
  const { lines, log } = logged();
  const issuer: Issuer = {
    timing: { timeoutMs: 1_000, maxProcessingMs: 0, concurrency: 1 },
    capabilities: { lookup: false, uniqueRef: true },
    async issue(_ref, request) {
      const subject = parseName(request.subject);
      if (!subject.ok) throw subject.error;
      const imported = createPrivateKey({ key: credentials.keys[0]?.privateKey.reveal() as Buffer, format: 'der', type: 'pkcs8' });
      const certificate = certify({ key: issuing.key, name: issuing.certificate.subject }, { publicKey: publicKeyOf(imported), subject: subject.value });
      return { kind: 'issued', certificate: certificate.der };
    },
    lookup: async () => ({ kind: 'none' }),
    revoke: async () => ok(true as const),
    chain: async () => [issuing.certificate.der],
  };
  const deps = {
    profiles: { all: async () => [], configEpoch: async () => 1 },
    credentials,
    issuers: { forProfile: async () => issuer },
    clock: systemClock,
    log,
  };
  t.equal(await ensureRaKeys(scepProfile(), deps), 'refused');
  t.match(credentials.keys, [{ state: 'destroyed' }]);
  t.match(lines[0], /lacks the keyUsage digitalSignature and keyEncipherment/);
});

t.test('SCEP-037 a CA certificate that carries keyEncipherment beside the RA is warned of, once', async (t) => {
  const { keys, lines } = await loaded(['digitalSignature', 'keyEncipherment'], ['keyCertSign', 'cRLSign', 'keyEncipherment']);
  t.equal(keys, 1, 'it works for most clients');
  t.equal(lines.length, 1);
  t.match(lines[0], /carries keyEncipherment/);
});
