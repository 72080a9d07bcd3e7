import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Config, parseConfig } from '../src/config.js';
import { createEngine, type Engine } from '../src/crypto-engine/index.js';
import { type FirstRun, firstRun } from '../src/first-run.js';
import { devMasterKey } from '../src/master-key.js';
import { systemClock } from '../src/runtime/clock.js';
import { createLog } from '../src/runtime/log.js';
import { openStore } from '../src/store/open.js';
import type { Store } from '../src/store/store.js';
import { systemContext, tenantContext } from '../src/tenancy/context.js';
import { hashToken } from '../src/tenancy/token.js';

t.setTimeout(120_000);
const log = createLog('silent');
const page = { limit: 50 };

const masterKey = Buffer.alloc(32, 7);

function configFor(dataDir: string): Config {
  const parsed = parseConfig({ GATEHOUSE_DATA_DIR: dataDir });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return parsed.value;
}

async function installation(t: Test): Promise<{ store: Store; engine: Engine; config: Config }> {
  const opened = await openStore({ masterKey, nodeId: 'test', log });
  if (!opened.ok) throw new Error(opened.error.kind);
  const store = opened.value;
  t.teardown(() => store.close());
  const engine = createEngine({ store: store.engine, clock: systemClock, publicBaseUrl: 'http://127.0.0.1' });
  await engine.ensureCas();
  return { store, engine, config: configFor(t.testdir()) };
}

/** A store that dies right after the first write that is not in `survived`, and adds it there; the dead answer nothing more. */
function dyingStore(store: Store, survived: Set<string>): Store {
  let isDead = false;
  const dying = <T extends object>(room: string, methods: T, writes: readonly string[]): T =>
    new Proxy(methods, {
      get(target, name) {
        const method: unknown = Reflect.get(target, name);
        if (typeof method !== 'function') return method;
        const write = `${room}.${String(name)}`;
        return async (...args: readonly unknown[]) => {
          if (isDead) throw new Error('dead');
          const result: unknown = await method.apply(target, args);
          if (!writes.includes(String(name)) || survived.has(write)) return result;
          survived.add(write);
          isDead = true;
          throw new Error(`dies after ${write}`);
        };
      },
    });
  return {
    ...store,
    settings: dying('settings', store.settings, ['putOnce']),
    tenants: dying('tenants', store.tenants, ['create']),
    connectors: dying('connectors', store.connectors, ['create']),
    profiles: dying('profiles', store.profiles, ['createScep', 'createCmp']),
    credentials: dying('credentials', store.credentials, ['addSharedSecret']),
    users: dying('users', store.users, ['create']),
    access: dying('access', store.access, ['addToken']),
  };
}

async function checkInstallation(t: Test, store: Store, made: FirstRun): Promise<void> {
  const context = systemContext('test');
  t.match(await store.access.findToken(hashToken(made.admin.token)), { role: 'superadmin' }, 'the token works');
  t.equal((await store.tenants.list(context, page)).items.length, 1);
  t.equal((await store.connectors.list(context, page)).items.length, 1);
  const profiles = await store.profiles.all(context);
  t.same(profiles.map(({ protocol }) => protocol).sort(), ['cmp', 'scep']);
  const cmp = profiles.find(({ protocol }) => protocol === 'cmp');
  const secret = await store.credentials.findSharedSecret(tenantContext(cmp?.tenantId ?? '', 'test'), cmp?.id ?? '', made.cmp?.reference ?? '');
  t.equal(secret?.secret.reveal().toString(), made.cmp?.secret, 'the secret works');
  t.notMatch(await store.settings.get('first-run'), /^begun/, 'the plan with its secrets is forgotten');
}

t.test('a first start that dies after any of its writes is finished by a later one', async (t) => {
  const { store, engine, config } = await installation(t);
  const survived = new Set<string>();
  for (let start = 1; start <= 8; start += 1) {
    await t.rejects(firstRun(config, dyingStore(store, survived), engine, masterKey), `start ${start} dies`);
    t.equal(survived.size, start, [...survived].join(', '));
  }
  const finished = await firstRun(config, dyingStore(store, survived), engine, masterKey);
  if (!finished.ok || finished.value === undefined) throw new Error('The first start was not finished.');
  await checkInstallation(t, store, finished.value);
  t.same(JSON.parse(readFileSync(join(config.dataDir, 'first-run.json'), 'utf8')), finished.value);
  t.same(await firstRun(config, store, engine, masterKey), { ok: true, value: undefined }, 'nothing is left to do');
});

t.test('nodes that start at once make one installation, and one of them shows it', async (t) => {
  const { store, engine, config } = await installation(t);
  const runs = await Promise.all([1, 2, 3].map(() => firstRun(config, store, engine, masterKey)));
  const shown = runs.flatMap((run) => (run.ok && run.value !== undefined ? [run.value] : []));
  t.equal(shown.length, 1);
  for (const made of shown) await checkInstallation(t, store, made);
});

t.test('a first start that cannot write its files says so, and the next one finishes it', async (t) => {
  const { store, engine, config } = await installation(t);
  const file = join(config.dataDir, 'first-run.json');
  mkdirSync(file);
  t.match(await firstRun(config, store, engine, masterKey), { ok: false, error: { exitCode: 73, message: /GATEHOUSE_DATA_DIR/ } });
  rmSync(file, { recursive: true });
  const finished = await firstRun(config, store, engine, masterKey);
  t.ok(finished.ok && finished.value?.admin.token, 'what was made is shown');
});

t.test('the master key of dev mode is made once, for its owner only', async (t) => {
  const dataDir = t.testdir();
  const keys = await Promise.all([devMasterKey(dataDir), devMasterKey(dataDir)]);
  t.same(keys[0], keys[1]);
  t.equal(statSync(join(dataDir, 'master.key')).mode & 0o777, 0o600);
  writeFileSync(join(dataDir, 'master.key'), 'garbled');
  await t.rejects(devMasterKey(dataDir), /32 bytes in base64/);
});
