import cluster from 'node:cluster';
import closeWithGrace from 'close-with-grace';
import { compose, type Gatehouse, type Replacements } from './compose.js';
import type { Config } from './config.js';
import { createLog, type Log } from './runtime/log.js';
import type { StartFault } from './start-fault.js';
import { welcome } from './welcome.js';

/** Runs the server until it is told to stop: one process, or a primary that makes the installation ready and forks the rest. */
export async function serve(config: Config, replacements: Replacements = {}): Promise<void> {
  const log = createLog(config.logLevel);
  if (config.processes === 1) return serveHere(config, log, replacements);
  return cluster.isPrimary ? servePrimary(config, log) : serveHere({ ...config, processes: 1 }, log, replacements);
}

async function serveHere(config: Config, log: Log, replacements: Replacements): Promise<void> {
  const node = await composeOrExit(config, log, replacements);
  const listening = await node.listen();
  if (!listening.ok) {
    await node.close();
    exitWith(listening.error);
  }
  announce(node, log);
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
  let isStopping = false;
  const started = new Map<number, number>();
  const fork = () => {
    const worker = cluster.fork();
    started.set(worker.id, Date.now());
  };
  cluster.on('exit', (worker, code) => {
    if (isStopping) return;
    const livedMs = Date.now() - (started.get(worker.id) ?? 0);
    started.delete(worker.id);
    if (livedMs < 2_000 && code !== 0 && code !== null) {
      isStopping = true;
      for (const other of Object.values(cluster.workers ?? {})) other?.kill('SIGTERM');
      process.exitCode = code;
      return;
    }
    log.error({ worker: worker.process.pid, code }, 'a worker process ended and is started again');
    fork();
  });
  for (let count = 0; count < config.processes; count += 1) fork();
  const stop = (signal: NodeJS.Signals) => {
    isStopping = true;
    log.info({ signal }, 'stopping all processes');
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGTERM');
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}
