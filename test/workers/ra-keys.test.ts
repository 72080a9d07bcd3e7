import { createPrivateKey } from 'node:crypto';
import t from 'tap';
import { createCryptoEngineIssuer } from '../../src/connectors/crypto-engine/index.js';
import { createEngine } from '../../src/crypto-engine/index.js';
import type { Issuer } from '../../src/enrolment/ports.js';
import { buildChain, extendedKeyUsageOf, keyUsageOf, nameToText, parseCertificate, parseCsr, publicKeyOf, verifyCsr } from '../../src/pkix/index.js';
import { oids } from '../../src/protocol/der/index.js';
import { stoppedClock } from '../../src/runtime/clock.js';
import { createLog } from '../../src/runtime/log.js';
import { cryptoEngineConfigSchema } from '../../src/tenancy/connector.js';
import type { RaKey } from '../../src/tenancy/credentials.js';
import { encryptionKeyTypeOf, loadEncryptionKey } from '../../src/tenancy/encryption-key.js';
import { policySchema } from '../../src/tenancy/policy.js';
import type { Profile } from '../../src/tenancy/profile.js';
import { generateRaKey } from '../../src/workers/prepare-ra-key.js';
import { raKeyJob } from '../../src/workers/ra-key-job.js';
import { ensureRaKeys, prepareNextRaKeys } from '../../src/workers/ra-keys.js';
import { memoryRaKeyStore } from '../support/memory-credential-store.js';
import { memoryEngineStore } from '../support/memory-engine-store.js';
import { cmpProfile, scepProfile } from '../support/profiles.js';
import { createSlowIssuer } from '../support/slow-issuer.js';

const start = new Date();
const day = 86_400_000;
const log = createLog('silent');

async function embeddedIssuer(clock = stoppedClock(start)): Promise<Issuer> {
  const engine = createEngine({ store: memoryEngineStore(), clock, publicBaseUrl: 'http://pki.example' });
  await engine.ensureCas();
  return createCryptoEngineIssuer(cryptoEngineConfigSchema.parse({ url: 'embedded:' }), {}, { engine, log });
}

function room(issuer: Issuer | undefined, profiles: readonly Profile[] = [], clock = stoppedClock(start)) {
  const credentials = memoryRaKeyStore(() => clock.now());
  let epoch = 1;
  const deps = {
    profiles: { all: async () => profiles, configEpoch: async () => epoch },
    credentials,
    issuers: { forProfile: async () => issuer },
    clock,
    log,
  };
  return { deps, credentials, clock, changeConfig: () => ++epoch };
}

function inState(keys: readonly RaKey[], state: RaKey['state']): RaKey[] {
  return keys.filter((key) => key.state === state);
}

function certificateOf(key: RaKey | undefined) {
  const parsed = parseCertificate(key?.certificate ?? Buffer.alloc(0));
  if (!parsed.ok) throw parsed.error;
  return parsed.value;
}

t.test('a first key', async (t) => {
  t.test('of a SCEP profile is RSA-2048 and may decrypt', async (t) => {
    const issuer = await embeddedIssuer();
    const { deps, credentials } = room(issuer);
    t.equal(await ensureRaKeys(scepProfile(), deps), 'ready');
    const [key, ...others] = credentials.keys;
    t.same(others, []);
    t.match(key, { state: 'active', purpose: 'scep' });
    const certificate = certificateOf(key);
    t.equal(certificate.publicKey.name, 'RSA-2048');
    t.equal(nameToText(certificate.subject), 'CN=Plant 7 SCEP RA');
    t.same(keyUsageOf(certificate.extensions), { ok: true, value: ['digitalSignature', 'keyEncipherment'] });
    t.same(extendedKeyUsageOf(certificate.extensions), { ok: true, value: undefined });
    t.same(key?.chain, await issuer.chain());
    const anchors = (key?.chain ?? []).flatMap((der) => [parseCertificate(der)]).flatMap((item) => (item.ok ? [item.value] : []));
    t.ok(buildChain({ leaf: certificate, intermediates: anchors, anchors: anchors.slice(-1), at: start }).ok);
    const privateKey = createPrivateKey({ key: key?.privateKey.reveal() as Buffer, format: 'der', type: 'pkcs8' });
    t.ok(publicKeyOf(privateKey).spki.equals(certificate.publicKey.spki));
  });

  t.test('of a CMP profile is P-256 and carries cmcRA', async (t) => {
    const { deps, credentials } = room(await embeddedIssuer());
    t.equal(await ensureRaKeys(cmpProfile(), deps), 'ready');
    const certificate = certificateOf(credentials.keys[0]);
    t.equal(certificate.publicKey.name, 'EC-P-256');
    t.equal(nameToText(certificate.subject), 'CN=Plant 7 CMP RA');
    t.same(keyUsageOf(certificate.extensions), { ok: true, value: ['digitalSignature'] });
    t.same(extendedKeyUsageOf(certificate.extensions), { ok: true, value: [oids.cmcRA] });
  });

  t.test('has a common name of at most 64 characters', async (t) => {
    const { deps, credentials } = room(await embeddedIssuer());
    await ensureRaKeys(scepProfile({ name: 'ü'.repeat(100) }), deps);
    t.equal(nameToText(certificateOf(credentials.keys[0]).subject), `CN=${'ü'.repeat(56)} SCEP RA`);
  });

  t.test('is asked for with a PKCS#10 that carries the usages', async (t) => {
    const { issuer } = await createSlowIssuer();
    const sent: Buffer[] = [];
    const watching: Issuer = {
      ...issuer,
      issue(ref, request) {
        sent.push(request.pkcs10 ?? Buffer.alloc(0));
        return issuer.issue(ref, request);
      },
    };
    await ensureRaKeys(cmpProfile(), room(watching).deps);
    const csr = parseCsr(sent[0] as Buffer);
    if (!csr.ok) throw csr.error;
    t.ok(verifyCsr(csr.value).ok);
    t.same(
      csr.value.extensions.map((item) => item.oid),
      [oids.keyUsage, oids.extKeyUsage],
    );
  });

  t.test('is left alone by the next runs', async (t) => {
    const { deps, credentials } = room(await embeddedIssuer());
    const profile = scepProfile();
    await ensureRaKeys(profile, deps);
    const before = [...credentials.keys];
    t.equal(await ensureRaKeys(profile, deps), 'ready');
    t.same(credentials.keys, before);
  });

  t.test('waits while the profile has no connector', async (t) => {
    const { deps, credentials } = room(undefined);
    t.equal(await ensureRaKeys(scepProfile(), deps), 'waiting');
    t.same(credentials.keys, []);
  });
});

t.test('a crash before any write is resumed with the stored key and costs no second certificate', async (t) => {
  for (const crash of ['addRaKey', 'putRaKeyInUse']) {
    const slow = await createSlowIssuer();
    const { deps, credentials } = room(slow.issuer);
    const profile = cmpProfile();
    credentials.beforeWrite = (what) => {
      if (what === crash) throw new Error('power cut');
    };
    await t.rejects(ensureRaKeys(profile, deps), { message: 'power cut' }, crash);
    credentials.beforeWrite = () => {};
    t.equal(await ensureRaKeys(profile, deps), 'ready');
    t.equal(credentials.keys.length, 1, crash);
    t.equal(slow.issuedCount(), 1, crash);
    t.equal(slow.refs[0], `${profile.tenantId}-ra-${credentials.keys[0]?.id}`);
  }
});

t.test('the key is stored before the CA is asked', async (t) => {
  const slow = await createSlowIssuer();
  const { deps, credentials } = room(slow.issuer);
  credentials.beforeWrite = () => {
    throw new Error('database away');
  };
  await t.rejects(ensureRaKeys(cmpProfile(), deps), { message: 'database away' });
  t.equal(slow.calls.issue, 0);
});

t.test('a CA that is slow, unsure or away', async (t) => {
  t.test('a lost answer is looked up, not asked for again', async (t) => {
    const slow = await createSlowIssuer();
    slow.script({ kind: 'uncertain', isIssued: true });
    const { deps, credentials } = room(slow.issuer);
    const profile = cmpProfile();
    t.equal(await ensureRaKeys(profile, deps), 'waiting');
    t.match(credentials.keys, [{ state: 'next', certificate: null }]);
    t.equal(await ensureRaKeys(profile, deps), 'ready');
    t.equal(slow.calls.issue, 1);
    t.equal(slow.issuedCount(), 1);
  });

  t.test('a pending request is asked after until it is decided', async (t) => {
    const slow = await createSlowIssuer();
    slow.script({ kind: 'pending', polls: 2 });
    const { deps, credentials } = room(slow.issuer);
    const profile = cmpProfile();
    const outcomes = [await ensureRaKeys(profile, deps), await ensureRaKeys(profile, deps), await ensureRaKeys(profile, deps)];
    t.same(outcomes, ['waiting', 'waiting', 'ready']);
    t.match(credentials.keys, [{ state: 'active' }]);
    t.equal(slow.issuedCount(), 1);
  });

  t.test('a call that never left is made again with the same key', async (t) => {
    const slow = await createSlowIssuer();
    slow.script({ kind: 'notSent' });
    const { deps, credentials } = room(slow.issuer);
    const profile = cmpProfile();
    t.equal(await ensureRaKeys(profile, deps), 'waiting');
    t.equal(await ensureRaKeys(profile, deps), 'ready');
    t.equal(credentials.keys.length, 1);
  });

  for (const what of ['key', 'garbage'] as const) {
    t.test(`a wrong certificate (${what}) never becomes active`, async (t) => {
      const slow = await createSlowIssuer();
      slow.script({ kind: 'wrong', what });
      const { deps, credentials } = room(slow.issuer);
      const profile = cmpProfile();
      t.equal(await ensureRaKeys(profile, deps), 'refused');
      t.match(credentials.keys, [{ state: 'destroyed', certificate: null }]);
      t.equal(await ensureRaKeys(profile, deps), 'ready');
      t.match(credentials.keys, [{ state: 'destroyed' }, { state: 'active' }]);
    });
  }
});

t.test('two processes at once end with exactly one active key', async (t) => {
  for (let round = 0; round < 20; round += 1) {
    const slow = await createSlowIssuer({ capabilities: { uniqueRef: true }, delayMs: round % 3 });
    const { deps, credentials } = room(slow.issuer);
    const profile = cmpProfile();
    await Promise.all([1, 2, 3].map(() => ensureRaKeys(profile, deps)));
    await ensureRaKeys(profile, deps);
    t.equal(inState(credentials.keys, 'active').length, 1);
    t.equal(inState(credentials.keys, 'next').length, 0);
    t.equal(slow.mostPerRef(), 1);
  }
});

t.test('two active keys, however they came about, are reduced to the older one', async (t) => {
  const { deps, credentials } = room(await embeddedIssuer());
  const profile = cmpProfile();
  await ensureRaKeys(profile, deps);
  const [first] = credentials.keys;
  const other = room(await embeddedIssuer());
  await ensureRaKeys(profile, other.deps);
  credentials.keys.unshift({ ...(other.credentials.keys[0] as RaKey), createdAt: new Date(start.getTime() + 5) });
  await ensureRaKeys(profile, deps);
  t.equal(inState(credentials.keys, 'active')[0]?.id, first?.id);
  t.equal(inState(credentials.keys, 'retiring').length, 1, 'devices that fetched the other one can still use it');
});

t.test('renewal', async (t) => {
  t.test('SCEP-040 comes 30 days before the end: announced for a week, then active; the old key retires and is destroyed when it ends', async (t) => {
    const clock = stoppedClock(start);
    const { deps, credentials } = room(await embeddedIssuer(clock), [], clock);
    const profile = scepProfile();
    await ensureRaKeys(profile, deps);
    const old = credentials.keys[0];
    clock.advance(699 * day);
    await ensureRaKeys(profile, deps);
    t.equal(credentials.keys.length, 1);
    clock.advance(2 * day);
    t.equal(await ensureRaKeys(profile, deps), 'ready');
    t.match(credentials.keys, [{ id: old?.id, state: 'active' }, { state: 'next' }]);
    const announced = certificateOf(credentials.keys[1]);
    t.same(credentials.keys[1]?.chain, credentials.keys[0]?.chain);
    clock.advance(6 * day);
    t.equal(await ensureRaKeys(profile, deps), 'ready');
    t.match(credentials.keys, [{ id: old?.id, state: 'active' }, { state: 'next' }], 'one successor, not more');
    clock.advance(2 * day);
    t.equal(await ensureRaKeys(profile, deps), 'ready');
    t.match(credentials.keys, [{ id: old?.id, state: 'retiring' }, { state: 'active' }]);
    t.same(certificateOf(credentials.keys[1]).der, announced.der, 'the certificate that was announced');
    clock.advance(20 * day);
    await ensureRaKeys(profile, deps);
    t.equal(credentials.keys[0]?.state, 'retiring');
    clock.advance(3 * day);
    await ensureRaKeys(profile, deps);
    t.match(credentials.keys, [{ state: 'destroyed' }, { state: 'active' }]);
  });

  t.test('comes in the last third of a short life', async (t) => {
    const clock = stoppedClock(start);
    const issuer = await embeddedIssuer(clock);
    const short: Issuer = { ...issuer, issue: (ref, request) => issuer.issue(ref, { ...request, validitySeconds: 9 * 86_400, backdateSeconds: 0 }) };
    const { deps, credentials } = room(short, [], clock);
    const profile = cmpProfile();
    await ensureRaKeys(profile, deps);
    clock.advance(5.9 * day);
    await ensureRaKeys(profile, deps);
    t.equal(credentials.keys.length, 1);
    clock.advance(0.2 * day);
    await ensureRaKeys(profile, deps);
    t.match(credentials.keys, [{ state: 'retiring' }, { state: 'active' }]);
  });

  t.test('comes when the profile moves to another CA', async (t) => {
    const { deps, credentials } = room(await embeddedIssuer());
    const profile = cmpProfile();
    await ensureRaKeys(profile, deps);
    const other = await embeddedIssuer();
    t.equal(await ensureRaKeys(profile, { ...deps, issuers: { forProfile: async () => other } }), 'ready');
    t.match(credentials.keys, [{ state: 'retiring' }, { state: 'active' }]);
    t.same(credentials.keys[1]?.chain, await other.chain());
  });

  t.test('keeps the old key active while the CA is away', async (t) => {
    const clock = stoppedClock(start);
    const { deps, credentials } = room(await embeddedIssuer(clock), [], clock);
    const profile = cmpProfile();
    await ensureRaKeys(profile, deps);
    clock.advance(710 * day);
    const away = await createSlowIssuer();
    away.always({ kind: 'notSent' });
    const sameChain: Issuer = { ...away.issuer, chain: async () => credentials.keys[0]?.chain ?? [] };
    t.equal(await ensureRaKeys(profile, { ...deps, issuers: { forProfile: async () => sameChain } }), 'waiting');
    t.match(credentials.keys, [{ state: 'active' }, { state: 'next' }]);
  });

  t.test('cut off before the change of keys, the old one stays in use and the next run goes on with the same successor', async (t) => {
    const clock = stoppedClock(start);
    const { deps, credentials } = room(await embeddedIssuer(clock), [], clock);
    const profile = cmpProfile();
    await ensureRaKeys(profile, deps);
    clock.advance(710 * day);
    credentials.beforeWrite = (what) => {
      if (what === 'putRaKeyInUse') throw new Error('power cut');
    };
    await t.rejects(ensureRaKeys(profile, deps));
    credentials.beforeWrite = () => {};
    t.match(credentials.keys, [{ state: 'active' }, { state: 'next' }]);
    t.equal(await ensureRaKeys(profile, deps), 'ready');
    t.match(credentials.keys, [{ state: 'retiring' }, { state: 'active' }]);
  });
});

t.test('a key left over from a race is destroyed after an hour', async (t) => {
  const { deps, credentials, clock } = room(await embeddedIssuer());
  const profile = cmpProfile();
  await ensureRaKeys(profile, deps);
  credentials.keys.push({ ...(credentials.keys[0] as RaKey), id: 'leftover', state: 'next', certificate: null });
  await ensureRaKeys(profile, deps);
  t.match(credentials.keys, [{ state: 'active' }, { state: 'next' }]);
  clock.advance(2 * 3_600_000);
  await ensureRaKeys(profile, deps);
  t.match(credentials.keys, [{ state: 'active' }, { state: 'destroyed' }]);
});

t.test('the job', async (t) => {
  t.test('tends every active profile, also when one of them fails', async (t) => {
    const issuer = await embeddedIssuer();
    const profiles = [cmpProfile({ name: 'bad' }), cmpProfile(), cmpProfile({ status: 'inactive' }), cmpProfile()];
    const { deps, credentials } = room(issuer, profiles);
    const job = raKeyJob({ ...deps, issuers: { forProfile: async (profile) => (profile.name === 'bad' ? Promise.reject(new Error('broken')) : issuer) } });
    await job.run();
    t.same(credentials.keys.map((key) => key.profileId).sort(), [profiles[1]?.id, profiles[3]?.id].sort());
  });

  t.test('reads nothing while the configuration stands still, and sees a new profile at once', async (t) => {
    const profiles: Profile[] = [cmpProfile()];
    const { deps, credentials, clock, changeConfig } = room(await embeddedIssuer(), profiles);
    let reads = 0;
    const all = async () => {
      reads += 1;
      return [...profiles];
    };
    const job = raKeyJob({ ...deps, profiles: { ...deps.profiles, all } });
    await job.run();
    await job.run();
    t.equal(reads, 1);
    profiles.push(cmpProfile());
    changeConfig();
    await job.run();
    t.equal(inState(credentials.keys, 'active').length, 2);
    clock.advance(2 * 3_600_000);
    await job.run();
    t.equal(reads, 3, 'and once an hour, for renewals');
  });

  t.test('asks a CA that has not answered again after 15 seconds, one that refused after 1, 2, 4 minutes', async (t) => {
    const slow = await createSlowIssuer();
    slow.script({ kind: 'notSent' });
    slow.always({ kind: 'refuse', reason: 'no' });
    const { deps, clock, changeConfig } = room(slow.issuer, [cmpProfile()]);
    const job = raKeyJob(deps);
    const callsAfter = async (seconds: number) => {
      clock.advance(seconds * 1000);
      changeConfig();
      await job.run();
      return slow.calls.issue;
    };
    t.equal(await callsAfter(0), 1);
    t.equal(await callsAfter(14), 1);
    t.equal(await callsAfter(1), 2, 'refused');
    t.equal(await callsAfter(59), 2);
    t.equal(await callsAfter(1), 3, 'refused again');
    t.equal(await callsAfter(119), 3);
    t.equal(await callsAfter(1), 4);
    t.equal(await callsAfter(239), 4);
  });
});

t.test('a successor takes over at once where the key in use has no week left', async (t) => {
  const clock = stoppedClock(start);
  const { deps, credentials } = room(await embeddedIssuer(clock), [], clock);
  const profile = scepProfile();
  await ensureRaKeys(profile, deps);
  clock.advance(725 * day);
  t.equal(await ensureRaKeys(profile, deps), 'ready');
  t.match(credentials.keys, [{ state: 'retiring' }, { state: 'active' }]);
});

t.test('a crash between the end of the announcement and the change of keys is made good by the next run', async (t) => {
  const clock = stoppedClock(start);
  const { deps, credentials } = room(await embeddedIssuer(clock), [], clock);
  const profile = scepProfile();
  await ensureRaKeys(profile, deps);
  clock.advance(701 * day);
  await ensureRaKeys(profile, deps);
  clock.advance(8 * day);
  credentials.beforeWrite = (what) => {
    if (what === 'putRaKeyInUse') throw new Error('power cut');
  };
  await t.rejects(ensureRaKeys(profile, deps), { message: 'power cut' });
  t.match(credentials.keys, [{ state: 'active' }, { state: 'next' }]);
  credentials.beforeWrite = () => {};
  t.equal(await ensureRaKeys(profile, deps), 'ready');
  t.match(credentials.keys, [{ state: 'retiring' }, { state: 'active' }]);
});

t.test('SCEP-158 AB-24 every profile has an RA key of its own, and none is the key of a CA', async (t) => {
  const issuer = await embeddedIssuer();
  const { deps, credentials } = room(issuer);
  const [a, b] = [scepProfile({ endpointPath: 'a' }), scepProfile({ endpointPath: 'b' })];
  for (const profile of [a, b]) t.equal(await ensureRaKeys(profile, deps), 'ready');
  const ras = credentials.keys.map((key) => certificateOf(key));
  t.equal(ras.length, 2);
  t.notSame(ras[0]?.publicKey.spki, ras[1]?.publicKey.spki, 'a message for one profile cannot be read by the other');
  const authorities = (await issuer.chain()).map((der) => parseCertificate(der)).flatMap((item) => (item.ok ? [item.value] : []));
  t.equal(authorities.length, 2);
  for (const ra of ras) {
    t.notOk(authorities.some((ca) => ca.publicKey.spki.equals(ra.publicKey.spki)));
    t.same(ra.issuer.der, authorities[0]?.subject.der);
  }
});

t.test('SCEP-158 a profile with two RA keys has one to encrypt to and one that signs', async (t) => {
  const clock = stoppedClock(start);
  const { deps, credentials } = room(await embeddedIssuer(clock), [], clock);
  const profile = scepProfile();
  const two = { ...profile, policy: policySchema.parse({ scep: { raKeys: 'two' } }) };
  const shown = () => credentials.keys.map(({ usage, state }) => `${usage} ${state}`);

  t.equal(await ensureRaKeys(two, deps), 'ready');
  t.same(shown(), ['encrypt active', 'sign active']);
  t.same(
    credentials.keys.map((key) => keyUsageOf(certificateOf(key).extensions)),
    [
      { ok: true, value: ['keyEncipherment'] },
      { ok: true, value: ['digitalSignature'] },
    ],
  );
  t.same(credentials.keys.map((key) => nameToText(certificateOf(key).subject)).sort(), ['CN=Plant 7 SCEP RA encryption', 'CN=Plant 7 SCEP RA signing']);

  await t.test('each is renewed for itself', async (t) => {
    clock.advance(701 * day);
    t.equal(await ensureRaKeys(two, deps), 'ready');
    t.same(shown(), ['encrypt active', 'sign active', 'encrypt next', 'sign next']);
    clock.advance(8 * day);
    await ensureRaKeys(two, deps);
    t.same(shown(), ['encrypt retiring', 'sign retiring', 'encrypt active', 'sign active']);
  });

  await t.test('back to one key the two retire once it stands, and go after the overlap', async (t) => {
    await ensureRaKeys(profile, deps);
    t.same(shown().slice(2), ['encrypt retiring', 'sign retiring', 'both active']);
    clock.advance(38 * day);
    await ensureRaKeys(profile, deps);
    t.same(shown(), [...Array.from({ length: 2 }, () => ['encrypt destroyed', 'sign destroyed']).flat(), 'both active']);
  });

  await t.test('a CA that refuses one of the two leaves the key for both in use', async (t) => {
    const refusing: Issuer = { ...(await embeddedIssuer(clock)), issue: async () => ({ kind: 'refused', reason: 'no signing certificates here' }) };
    t.equal(await ensureRaKeys(two, { ...deps, issuers: { forProfile: async () => refusing } }), 'refused');
    t.equal(shown()[4], 'both active');
  });
});

t.test('SCEP-040 a successor can be prepared by hand: announced for a week, then active; twice asked for is one', async (t) => {
  const clock = stoppedClock(start);
  const { deps, credentials } = room(await embeddedIssuer(clock), [], clock);
  const profile = scepProfile();
  await ensureRaKeys(profile, deps);
  clock.advance(day);
  t.equal(await prepareNextRaKeys(profile, 'token:1', deps), 'ready');
  await prepareNextRaKeys(profile, 'token:1', deps);
  t.match(credentials.keys, [{ state: 'active' }, { state: 'next', certificate: Buffer }]);
  clock.advance(6 * day);
  await ensureRaKeys(profile, deps);
  t.match(credentials.keys, [{ state: 'active' }, { state: 'next' }], 'nobody takes it for a leftover');
  clock.advance(day);
  await ensureRaKeys(profile, deps);
  t.match(credentials.keys, [{ state: 'retiring' }, { state: 'active' }]);
});

t.test('a successor outlives a connector that is away or switched off', async (t) => {
  const clock = stoppedClock(start);
  const issuer = await embeddedIssuer(clock);
  const { deps, credentials } = room(issuer, [], clock);
  const profile = scepProfile();
  await ensureRaKeys(profile, deps);
  await prepareNextRaKeys(profile, 'token:1', deps);
  clock.advance(day);
  const away: Issuer = { ...issuer, chain: () => Promise.reject(new Error('away')) };
  for (const found of [undefined, away]) {
    await ensureRaKeys(profile, { ...deps, issuers: { forProfile: async () => found } });
    t.match(credentials.keys, [{ state: 'active' }, { state: 'next', certificate: Buffer }]);
  }
});

t.test('a successor prepared by hand whose CA does not answer is asked for until it does', async (t) => {
  const clock = stoppedClock(start);
  const issuer = await embeddedIssuer(clock);
  let isAway = false;
  const flaky: Issuer = { ...issuer, issue: async (ref, request) => (isAway ? { kind: 'notSent', reason: 'away' } : issuer.issue(ref, request)) };
  const { deps, credentials } = room(flaky, [], clock);
  const profile = scepProfile();
  await ensureRaKeys(profile, deps);
  isAway = true;
  t.equal(await prepareNextRaKeys(profile, 'token:1', deps), 'waiting');
  clock.advance(2 * day);
  t.equal(await ensureRaKeys(profile, deps), 'waiting');
  isAway = false;
  t.equal(await ensureRaKeys(profile, deps), 'ready');
  t.match(credentials.keys, [{ state: 'active' }, { state: 'next', certificate: Buffer }]);
});

t.test('an imported key is neither renewed nor taken for a rival, and goes when its time is over', async (t) => {
  const clock = stoppedClock(start);
  const { deps, credentials } = room(await embeddedIssuer(clock), [], clock);
  const profile = scepProfile();
  const fresh = await generateRaKey(profile, 'encrypt');
  const imported = {
    ...fresh,
    state: 'retiring',
    origin: 'imported',
    certificate: Buffer.from('old'),
    keepUntil: new Date(start.getTime() + 90 * day),
  } as const;
  await credentials.addRaKey({ tenantId: profile.tenantId, actor: 'test' }, imported);
  const forever = { ...imported, id: 'forever', keepUntil: null };
  await credentials.addRaKey({ tenantId: profile.tenantId, actor: 'test' }, forever);
  await ensureRaKeys(profile, deps);
  t.match(credentials.keys, [{ state: 'retiring' }, { state: 'retiring' }, { state: 'active', origin: 'generated' }]);
  clock.advance(89 * day);
  await ensureRaKeys(profile, deps);
  t.match(credentials.keys, [{ state: 'retiring' }, { state: 'retiring' }, { state: 'active' }], 'long after generated ones would have gone');
  clock.advance(day);
  await ensureRaKeys(profile, deps);
  t.match(credentials.keys, [{ state: 'destroyed' }, { id: 'forever', state: 'retiring' }, { state: 'active' }]);
});

t.test('encryption keys of a CMP profile (CMP-080 CMP-083)', async (t) => {
  const { id } = cmpProfile();
  const wanting = (cmp: object) => cmpProfile({ id, policy: policySchema.parse({ cmp }) });

  await t.test('stand beside the key that signs where the policy, or what it serves, wants them', async (t) => {
    const issuer = await embeddedIssuer();
    const { deps, credentials } = room(issuer);
    t.equal(await ensureRaKeys(wanting({ dhBasedMac: true, kemAnswers: 'offered' }), deps), 'ready');
    t.same(
      inState(credentials.keys, 'active').map(({ usage, spki }) => [usage, encryptionKeyTypeOf(spki)]),
      [
        ['both', 'P-256'],
        ['encrypt', 'P-256'],
        ['encrypt', 'ML-KEM-768'],
      ],
    );
    const [, agreement, kem] = inState(credentials.keys, 'active');
    t.same(keyUsageOf(certificateOf(agreement).extensions), { ok: true, value: ['keyAgreement'] });
    t.same(keyUsageOf(certificateOf(kem).extensions), { ok: true, value: ['keyEncipherment'] });
    for (const key of [agreement, kem]) {
      const loaded = loadEncryptionKey(key as RaKey);
      t.equal(loaded.ok && loaded.value.secret.kind, key === kem ? 'kem' : 'agreement');
    }
    await ensureRaKeys(wanting({ dhBasedMac: true, kemAnswers: 'offered' }), deps);
    t.equal(credentials.keys.length, 3, 'nothing is made twice');
    const none = room(issuer);
    await ensureRaKeys(cmpProfile(), none.deps);
    t.same(
      none.credentials.keys.map(({ usage }) => usage),
      ['both'],
      'none by default',
    );
  });

  await t.test('are replaced in time, each by its own kind, and retire when they are no longer wanted', async (t) => {
    const clock = stoppedClock(start);
    const issuer = await embeddedIssuer(clock);
    const { deps, credentials } = room(issuer, [], clock);
    const profile = wanting({ encryptionKeys: ['P-256', 'ML-KEM-768'] });
    await ensureRaKeys(profile, deps);
    t.equal(await prepareNextRaKeys(profile, 'user:admin', deps), 'ready');
    const kinds = (state: RaKey['state']) =>
      inState(credentials.keys, state).flatMap((key) => (key.usage === 'encrypt' ? [encryptionKeyTypeOf(key.spki)] : []));
    clock.advance(31 * day);
    await ensureRaKeys(profile, deps);
    t.same([...kinds('active')].sort(), ['ML-KEM-768', 'P-256']);
    t.same([...kinds('retiring')].sort(), ['ML-KEM-768', 'P-256'], 'devices go on using the old ones');
    await ensureRaKeys(wanting({ encryptionKeys: ['P-256'] }), deps);
    t.same(kinds('active'), ['P-256']);
  });
});
