import cluster, { type Worker } from 'node:cluster';
import closeWithGrace from 'close-with-grace';
import { compose, type Gatehouse, type Replacements } from './compose.js';
import { type Config, unknownSettings } from './config.js';
import { type Channel, connectFigures, relayFigures } from './process-figures.js';
import { createLog, type Log } from './runtime/log.js';
import { type StartFault, unexpectedFault } from './start-fault.js';
import { welcome } from './welcome.js';
import { keepWorkers, type Nursery } from './worker-processes.js';

/** Runs the server until it is told to stop: one process, or a primary that makes the installation ready and forks the rest. */
export async function serve(config: Config, replacements: Replacements = {}): Promise<void> {
  const log = createLog(config.logLevel);
  const lastNet = (error: unknown): never => {
    log.fatal({ err: error }, 'could not start');
    return exitWith(unexpectedFault(error));
  };
  process.once('uncaughtException', lastNet);
  if (cluster.isPrimary) warnOfUnknownSettings(log);
  await start(config, log, replacements).catch(lastNet);
  process.off('uncaughtException', lastNet);
}

function start(config: Config, log: Log, replacements: Replacements): Promise<void> {
  if (config.processes === 1) return serveHere(config, log, replacements);
  return cluster.isPrimary ? servePrimary(config, log) : serveHere({ ...config, processes: 1 }, log, replacements);
}

function warnOfUnknownSettings(log: Log): void {
  const variables = unknownSettings();
  if (variables.length > 0) log.warn({ variables }, 'these variables look like settings and are none: they are ignored');
}

async function serveHere(config: Config, log: Log, replacements: Replacements): Promise<void> {
  const gatherFigures = cluster.worker === undefined ? undefined : connectFigures(primaryOf(cluster.worker));
  const node = await composeOrExit(config, log, { ...replacements, ...(gatherFigures && { gatherFigures }) });
  const listening = await node.listen();
  if (!listening.ok) {
    await node.close();
    exitWith(listening.error);
  }
  announce(node, log);
  cluster.worker?.send('ready');
  closeWithGrace({ delay: 25_000, logger: false }, async ({ signal, err }) => {
    if (err) log.fatal({ err }, 'stopping after an error nobody caught');
    else log.info({ signal }, 'stopping');
    await node.close();
    log.info('stopped');
  });
}

async function composeOrExit(config: Config, log: Log, replacements: Replacements): Promise<Gatehouse> {
  const composed = await compose(config, log, replacements);
  return composed.ok ? composed.value : exitWith(composed.error);
}

function exitWith(fault: StartFault): never {
  process.stderr.write(`gatehouse: ${fault.message}\n`);
  process.exit(fault.exitCode);
}

function announce({ config, made }: Gatehouse, log: Log): void {
  if (made !== undefined) process.stdout.write(`${welcome(made)}\n`);
  if (config.mode === 'dev' && config.databaseUrl === undefined && cluster.isPrimary) {
    log.warn('dev mode with the embedded database: it survives a crash of the process, not of the power');
  }
  log.info({ device: config.deviceUrl, admin: config.adminUrl, roles: config.roles }, 'ready');
}

/** The primary migrates and makes the installation once, then keeps `processes` workers alive; it serves nothing itself. */
async function servePrimary(config: Config, log: Log): Promise<void> {
  const node = await composeOrExit({ ...config, roles: [] }, log, {});
  if (node.made !== undefined) process.stdout.write(`${welcome(node.made)}\n`);
  await node.close();
  const workers = keepWorkers(config.processes, nursery, log, (code) => {
    process.exitCode = code;
  });
  const stop = (signal: NodeJS.Signals) => {
    log.info({ signal }, 'stopping all processes');
    workers.stop();
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

function primaryOf(worker: Worker): Channel {
  return { ...channelTo(worker), onMessage: (listener) => void process.on('message', listener) };
}

function channelTo(worker: Worker): Channel {
  return {
    // A process that is just ending cannot be told; it is missed soon enough.
    send: (message) => void (worker.isConnected() && worker.send(message, () => undefined)),
    onMessage: (listener) => void worker.on('message', listener),
  };
}

const workers = () => Object.values(cluster.workers ?? {}).flatMap((worker) => (worker === undefined ? [] : [channelTo(worker)]));
const figures = relayFigures(workers);

const nursery: Nursery = {
  fork() {
    const worker = cluster.fork();
    figures.join(channelTo(worker));
    return {
      pid: worker.process.pid,
      stop: () => void worker.process.kill('SIGTERM'),
      onceReady: (listener) => void worker.once('message', listener),
      onceEnded: (listener) => void worker.once('exit', listener),
    };
  },
  now: () => Math.round(performance.now()),
  after(ms, work) {
    const timer = setTimeout(work, ms);
    return () => clearTimeout(timer);
  },
};
