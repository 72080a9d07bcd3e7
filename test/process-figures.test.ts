import t from 'tap';
import { installationFigures } from '../src/installation-figures.js';
import { type Channel, connectFigures, relayFigures } from '../src/process-figures.js';
import { systemClock } from '../src/runtime/clock.js';
import { counter } from '../src/runtime/metrics.js';
import { createWorld, raKey } from './endpoints/scep/world.js';

counter('test_processes_total', 'One per process')({}).add();

/** A channel between a worker and the primary; messages travel as JSON, as between processes. */
function channel(): { readonly worker: Channel; readonly primary: Channel } {
  const end = () => {
    const listeners: ((message: unknown) => void)[] = [];
    return { listeners, hear: (message: object) => setImmediate(() => listeners.forEach((listen) => void listen(JSON.parse(JSON.stringify(message))))) };
  };
  const [atWorker, atPrimary] = [end(), end()];
  const channelOf = (own: ReturnType<typeof end>, other: ReturnType<typeof end>): Channel => ({
    send: other.hear,
    onMessage: (listener) => void own.listeners.push(listener),
  });
  return { worker: channelOf(atWorker, atPrimary), primary: channelOf(atPrimary, atWorker) };
}

const counted = (all: readonly (readonly { readonly name: string }[])[]) =>
  all.map((figures) => figures.filter(({ name }) => name === 'test_processes_total').length);

t.test('SCEP-160 a worker that is asked gathers the figures of all workers through the primary', async (t) => {
  const channels = [channel(), channel(), channel()];
  const relay = relayFigures(() => channels.map(({ primary }) => primary));
  for (const { primary } of channels) relay.join(primary);
  const gathers = channels.map(({ worker }) => connectFigures(worker));
  const [first, second] = await Promise.all([gathers[0]?.(), gathers[1]?.()]);
  t.same(counted(first ?? []), [1, 1, 1]);
  t.same(counted(second ?? []), [1, 1, 1], 'also when two are asked at once');
});

t.test('a worker that hangs is left out, and without a primary each tells of itself', async (t) => {
  const [sound, hung] = [channel(), channel()];
  const relay = relayFigures(() => [sound.primary, hung.primary]);
  relay.join(sound.primary);
  const gather = connectFigures(sound.worker);
  t.same(counted(await gather()), [1]);
  const alone = connectFigures({ send: () => undefined, onMessage: () => undefined });
  t.same(counted(await alone()), [1]);
});

t.test('SCEP-039 SCEP-160 a SCEP profile without an RA certificate in use shows in the figures, where an alarm finds it', async (t) => {
  const world = createWorld();
  const sign = raKey(world.issuing, world.root, { usage: 'sign' });
  const all = [
    world.endpoint,
    world.with({ endpointPath: 'none', raKeys: [] }),
    world.with({ endpointPath: 'half', raKeys: [sign] }),
    world.with({ endpointPath: 'retired', raKeys: [{ ...world.ra, state: 'retiring' }] }),
  ];
  const quiet = { stuckSeconds: 0, waitingSeconds: 0, notFetched: { orders: 0, of: 0 }, silentDevices: 0, givenUpRevocations: 0 };
  const watchFigures = async () => ({ ...quiet, connectors: [], credentialSeconds: null, sinks: { failing: 0, behind: 0 } });
  const auditChain = { state: async () => ({ sealed: 0, unsealed: 0, signed: 0, unsignedSeconds: 0 }) };
  const store = { countOpenOrders: async () => [], ping: async () => undefined, watchFigures, auditChain };
  const parts = { store, endpoints: { all: () => all }, clock: systemClock };
  const figures = await installationFigures(parts, 1);
  const days = figures.find(({ name }) => name === 'gatehouse_ra_certificate_days_left')?.values ?? [];
  const shown = days.map(({ labels, value }) => [labels.profile, labels.usage, value > 0]);
  t.same(shown, [
    [world.endpoint.profile.endpointPath, 'both', true],
    ['none', 'both', false],
    ['half', 'sign', true],
    ['half', 'encrypt', false],
    ['retired', 'both', false],
  ]);
});
