import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { createCryptoEngineIssuer } from '../../src/connectors/crypto-engine/index.js';
import { createEngine } from '../../src/crypto-engine/index.js';
import type { Issuer } from '../../src/enrolment/ports.js';
import { toPem } from '../../src/pkix/index.js';
import { systemClock } from '../../src/runtime/clock.js';
import { createLog } from '../../src/runtime/log.js';
import { Secret } from '../../src/runtime/secret.js';
import { cryptoEngineConfigSchema } from '../../src/tenancy/connector.js';
import { createDirectory } from '../../src/tenancy/directory-cache.js';
import { policySchema } from '../../src/tenancy/policy.js';
import type { Profile } from '../../src/tenancy/profile.js';
import { ensureRaKeys } from '../../src/workers/ra-keys.js';
import { memoryRaKeyStore } from '../support/memory-credential-store.js';
import { memoryEngineStore } from '../support/memory-engine-store.js';
import { cmpProfile, scepProfile } from '../support/profiles.js';

const quiet = createLog('silent');

async function embeddedIssuer(): Promise<Issuer> {
  const engine = createEngine({ store: memoryEngineStore(), clock: systemClock, publicBaseUrl: 'http://pki.example' });
  await engine.ensureCas();
  return createCryptoEngineIssuer(cryptoEngineConfigSchema.parse({ url: 'embedded:' }), {}, { engine, log: quiet });
}

/** A database in memory under a directory; `isAway` plays an outage, `lines` is what was logged. */
async function room(profiles: Profile[]) {
  const issuer = await embeddedIssuer();
  const credentials = memoryRaKeyStore();
  const lines: string[] = [];
  const log = createLog('info', new Writable({ write: (line, _encoding, done) => (lines.push(String(line)) > 0 ? done() : undefined) }));
  const state = { epoch: 1, isAway: false, reads: 0, chainOf: (_profile: Profile) => issuer.chain() };
  const reachable = () => {
    if (state.isAway) throw new Error('database away');
  };
  const store = {
    async configEpoch() {
      reachable();
      return state.epoch;
    },
    async all() {
      reachable();
      state.reads += 1;
      return [...profiles];
    },
  };
  const cache = createDirectory({ profiles: store, credentials, chainOf: (profile) => state.chainOf(profile), log });
  t.teardown(() => cache.stop());
  const makeRaKey = (profile: Profile) =>
    ensureRaKeys(profile, { profiles: store, credentials, issuers: { forProfile: async () => issuer }, clock: systemClock, log: quiet });
  return { cache, directory: cache.directory, credentials, lines, state, makeRaKey, issuer };
}

t.test('look-ups', async (t) => {
  t.test('AB-16 find active profiles by endpoint path and protocol', async (t) => {
    const [scep, cmp, off] = [scepProfile({ endpointPath: 'a' }), cmpProfile({ endpointPath: 'b' }), scepProfile({ endpointPath: 'off', status: 'inactive' })];
    const { cache, directory, issuer } = await room([scep, cmp, off]);
    t.equal(directory.scep('a'), undefined, 'nothing before the first reading');
    await cache.refreshNow();
    t.equal(directory.scep('a')?.profile, scep);
    t.equal(directory.cmp('b')?.profile, cmp);
    t.same(
      directory.cmp('b')?.caChain.map((item) => item.der),
      await issuer.chain(),
    );
    for (const path of ['b', 'A', 'off', '', '__proto__', 'constructor']) t.equal(directory.scep(path), undefined, path);
    t.equal(directory.cmp('a'), undefined);
  });

  t.test('SCEP-102 warn once of active profiles that ask for no challenge', async (t) => {
    const open = scepProfile({ name: 'Open door', challengeMode: 'none' });
    const { cache, lines } = await room([open, scepProfile({ name: 'Closed' }), scepProfile({ name: 'Off', challengeMode: 'none', status: 'inactive' })]);
    await cache.refreshNow();
    await cache.refreshNow();
    const said = lines.filter((line) => line.includes('no challenge'));
    t.equal(said.length, 1);
    t.match(said[0], open.id);
  });

  t.test('find the default CMP profile', async (t) => {
    const [plain, marked] = [cmpProfile({ endpointPath: 'plain' }), cmpProfile({ endpointPath: 'marked', isDefault: true })];
    const { cache, directory } = await room([plain, marked]);
    await cache.refreshNow();
    t.equal(directory.defaultCmp()?.profile, marked);
    const other = await room([plain]);
    await other.cache.refreshNow();
    t.equal(other.directory.defaultCmp(), undefined);
  });

  t.test('find legacy paths: exact first, then in any case, apart by protocol', async (t) => {
    const at = (iso: string) => new Date(iso);
    const profiles = [
      scepProfile({ endpointPath: 'upper', legacyPaths: ['/Path'], createdAt: at('2026-02-01T00:00:00Z') }),
      scepProfile({ endpointPath: 'lower', legacyPaths: ['/path', '/certsrv/mscep/mscep.dll'], createdAt: at('2026-01-01T00:00:00Z') }),
      scepProfile({ endpointPath: 'late', legacyPaths: ['/path'], createdAt: at('2026-03-01T00:00:00Z') }),
      cmpProfile({ endpointPath: 'cmp', legacyPaths: ['/ejbca/publicweb/cmp/alias'] }),
    ];
    const { cache, directory, lines } = await room(profiles);
    await cache.refreshNow();
    t.equal(directory.legacy('scep', '/Path'), 'upper');
    t.equal(directory.legacy('scep', '/path'), 'lower', 'the older profile keeps it');
    t.equal(directory.legacy('scep', '/PATH'), 'lower');
    t.equal(directory.legacy('scep', '/CertSrv/MSCEP/mscep.dll'), 'lower');
    t.equal(directory.legacy('cmp', '/ejbca/publicweb/cmp/alias'), 'cmp');
    t.equal(directory.legacy('scep', '/ejbca/publicweb/cmp/alias'), undefined);
    t.match(lines.join(''), /legacy path is taken/);
  });

  t.test('can be told that case counts in legacy paths', async (t) => {
    const store = { configEpoch: async () => 1, all: async () => [scepProfile({ legacyPaths: ['/Path'] })] };
    const deps = { profiles: store, credentials: memoryRaKeyStore(), chainOf: async () => [], log: quiet, legacyPathsIgnoreCase: false };
    const cache = createDirectory(deps);
    await cache.refreshNow();
    t.equal(cache.directory.legacy('scep', '/Path'), 'plant-7');
    t.equal(cache.directory.legacy('scep', '/path'), undefined);
  });

  t.test('give the trust anchors of the policy, malformed ones left out', async (t) => {
    const [, root] = await (await embeddedIssuer()).chain();
    const pem = toPem('CERTIFICATE', root as Buffer);
    const broken = toPem('CERTIFICATE', Buffer.from('3003020101', 'hex'));
    const policy = policySchema.parse({ cmp: { trustAnchors: [pem, broken, 'no pem'] } });
    const { cache, directory, lines } = await room([cmpProfile({ policy })]);
    await cache.refreshNow();
    t.same(
      directory.cmp('plant-7')?.trustAnchors.map((item) => item.der),
      [root],
    );
    t.match(lines.join(''), /trust anchor of the policy is malformed/);
  });
});

t.test('RA keys', async (t) => {
  t.test('are loaded once and kept while they stay the same', async (t) => {
    const profile = scepProfile();
    const { cache, directory, makeRaKey, state, credentials } = await room([profile]);
    await makeRaKey(profile);
    await cache.refreshNow();
    const [loaded] = directory.scep('plant-7')?.raKeys ?? [];
    t.equal(loaded?.state, 'active');
    t.equal(loaded?.chain.length, 2);
    state.epoch += 1;
    t.equal(await cache.refresh(), true);
    t.equal(directory.scep('plant-7')?.raKeys[0], loaded);
    await credentials.setRaKeyState({ tenantId: profile.tenantId, actor: 'test' }, loaded?.id ?? '', 'retiring');
    await cache.refreshNow();
    const [retired] = directory.scep('plant-7')?.raKeys ?? [];
    t.equal(retired?.state, 'retiring');
    t.equal(retired?.privateKey, loaded?.privateKey, 'a change of state imports nothing anew');
  });

  t.test('stand in the order of use, only those with a certificate', async (t) => {
    const profile = cmpProfile();
    const { cache, directory, makeRaKey, credentials } = await room([profile]);
    await makeRaKey(profile);
    const [key] = credentials.keys;
    if (key === undefined) return t.fail('no key');
    credentials.keys.unshift({ ...key, id: 'n', state: 'next' }, { ...key, id: 'r', state: 'retiring' }, { ...key, id: 'x', state: 'next', certificate: null });
    await cache.refreshNow();
    t.same(
      directory.cmp('plant-7')?.raKeys.map((item) => item.state),
      ['active', 'retiring', 'next'],
    );
  });

  t.test('that cannot be used are logged without their secret and left out', async (t) => {
    const profile = cmpProfile();
    const { cache, directory, makeRaKey, credentials, lines } = await room([profile]);
    await makeRaKey(profile);
    const [key] = credentials.keys;
    const other = cmpProfile();
    await makeRaKey(other);
    const stranger = credentials.keys.find((item) => item.profileId === other.id);
    if (key === undefined || stranger === undefined) return t.fail('no key');
    const wrong = [
      { ...key, id: 'bad-key', privateKey: new Secret(Buffer.from('not a key')) },
      { ...key, id: 'bad-certificate', certificate: Buffer.from('x') },
      { ...key, id: 'bad-chain', chain: [Buffer.from('x')] },
      { ...key, id: 'other-key', privateKey: stranger.privateKey },
    ];
    credentials.keys.push(...wrong);
    await cache.refreshNow();
    t.same(
      directory.cmp('plant-7')?.raKeys.map((item) => item.id),
      [key.id],
    );
    for (const { id } of wrong) t.match(lines.join(''), `"raKeyId":"${id}"`);
    t.notMatch(lines.join(''), 'not a key');
  });
});

t.test('changes', async (t) => {
  t.test('reach the directory when the configuration epoch moves, and only then cost a reading', async (t) => {
    const profiles: Profile[] = [];
    const { cache, directory, state } = await room(profiles);
    t.equal(await cache.refresh(), true, 'the first reading');
    t.equal(await cache.refresh(), false);
    profiles.push(scepProfile());
    t.equal(await cache.refresh(), false);
    t.equal(state.reads, 1);
    state.epoch += 1;
    t.equal(await cache.refresh(), true);
    t.ok(directory.scep('plant-7'));
  });

  t.test('reach the directory by themselves once it is started, and no more once it is stopped', async (t) => {
    const profiles: Profile[] = [scepProfile()];
    const { cache, directory, state } = await room(profiles);
    const until = async (isDone: () => boolean) => {
      while (!isDone()) await sleep(5);
    };
    cache.start(5);
    await until(() => directory.scep('plant-7') !== undefined);
    profiles[0] = scepProfile({ status: 'inactive' });
    state.epoch += 1;
    await until(() => directory.scep('plant-7') === undefined);
    cache.stop();
    const { reads } = state;
    state.epoch += 1;
    await sleep(50);
    t.equal(state.reads, reads);
  });

  t.test('a change that comes while a reading is under way is not missed', async (t) => {
    const profiles: Profile[] = [];
    const { cache, directory, state } = await room(profiles);
    const first = cache.refresh();
    profiles.push(scepProfile());
    state.epoch += 1;
    await Promise.all([first, cache.refresh()]);
    t.ok(directory.scep('plant-7'));
  });
});

t.test('an outage of the database', async (t) => {
  t.test('keeps the last known directory, says so once, and ends', async (t) => {
    const { cache, directory, state, lines } = await room([scepProfile()]);
    await cache.refreshNow();
    state.isAway = true;
    state.epoch += 1;
    t.equal(await cache.refresh(), false);
    t.equal(await cache.refresh(), false);
    t.ok(directory.scep('plant-7'));
    t.equal(lines.filter((line) => line.includes('cannot be read')).length, 1);
    await t.rejects(cache.refreshNow(), { message: 'database away' });
    state.isAway = false;
    t.equal(await cache.refresh(), true);
    t.match(lines.join(''), /can be read again/);
  });

  t.test('in the middle of a reading changes nothing', async (t) => {
    const profiles = [scepProfile()];
    const { cache, directory, state, credentials } = await room(profiles);
    await cache.refreshNow();
    profiles.splice(0, 1, scepProfile({ endpointPath: 'renamed' }));
    const list = credentials.listRaKeys;
    credentials.listRaKeys = async () => Promise.reject(new Error('database away'));
    state.epoch += 1;
    t.equal(await cache.refresh(), false);
    t.ok(directory.scep('plant-7'));
    credentials.listRaKeys = list;
    t.equal(await cache.refresh(), true);
    t.ok(directory.scep('renamed'));
  });
});

t.test('a CA that cannot tell its chain', async (t) => {
  t.test('holds no profile up, and its chain arrives later', async (t) => {
    const { cache, directory, state, issuer } = await room([scepProfile()]);
    let tell = (_chain: readonly Buffer[]) => {};
    state.chainOf = () => new Promise((resolve) => (tell = resolve));
    await cache.refreshNow();
    t.same(directory.scep('plant-7')?.caChain, []);
    tell(await issuer.chain());
    await sleep(1);
    await cache.refresh();
    t.equal(directory.scep('plant-7')?.caChain.length, 2);
  });

  t.test('keeps the chain it told before', async (t) => {
    const { cache, directory, state } = await room([scepProfile()]);
    await cache.refreshNow();
    state.chainOf = async () => Promise.reject(new Error('connector down'));
    await cache.refreshNow();
    t.equal(directory.scep('plant-7')?.caChain.length, 2);
  });

  t.test('does not lend its chain to a profile that moved to another connector', async (t) => {
    const profiles = [scepProfile()];
    const { cache, directory, state } = await room(profiles);
    await cache.refreshNow();
    profiles[0] = { ...(profiles[0] as (typeof profiles)[0]), connectorId: 'another' };
    state.chainOf = async () => Promise.reject(new Error('connector down'));
    await cache.refreshNow();
    t.same(directory.scep('plant-7')?.caChain, []);
  });
});
