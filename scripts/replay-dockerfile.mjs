// `npm run replay-dockerfile`: does what the Dockerfile says in clean folders, for machines where no image can be built: every stage in a
// folder of its own, with what .dockerignore leaves of the context; then starts the entry point as the image's user, asks the health check
// until it is content, and stops it with the image's signal. Needs to be root, as a build is. Runs on the node of this machine, not the image's.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readDockerfile } from './dockerfile.mjs';
import { freePort } from './free-port.mjs';

const context = fileURLToPath(new URL('..', import.meta.url));
const startMs = 240_000;
const stopMs = 20_000;

function say(line) {
  process.stdout.write(`${line}\n`);
}

/** The committed files without what .dockerignore names: a build would be sent no others from a clean checkout. */
function makeContext(folder) {
  const ignored = readFileSync(join(context, '.dockerignore'), 'utf8').split('\n').filter(Boolean);
  const isIgnored = (path) => ignored.some((rule) => (rule.startsWith('*') ? path.endsWith(rule.slice(1)) : path === rule || path.startsWith(`${rule}/`)));
  const listed = execFileSync('git', ['ls-files', '-z'], { cwd: context, encoding: 'utf8' }).split('\0');
  for (const path of listed.filter((one) => one !== '' && !isIgnored(one))) cpSync(join(context, path), join(folder, path));
}

/** Paths of the image lie below the folder of their stage. */
const below = (stage, path) => join(stage.folder, path.startsWith('/') ? path : join(stage.workdir, path));

function copy(stage, { from, sources, target }, stages, contextFolder) {
  for (const source of sources) {
    const origin = from === undefined ? join(contextFolder, source) : join(stages.get(from).folder, source);
    const isInto = sources.length > 1 || target.endsWith('/') || (target === '.' && source !== '.');
    cpSync(origin, isInto ? join(below(stage, target), basename(source)) : below(stage, target), { recursive: true, verbatimSymlinks: true });
  }
}

/** Absolute paths that the command names are the stage's; programs of the system are named without one. */
function run(stage, command) {
  const mapped = command.replace(/(^|\s)\/(?=\w)/g, `$1${stage.folder}/`);
  const cwd = below(stage, '.');
  const { status } = spawnSync('sh', ['-ec', mapped], { cwd, env: { ...outside(), ...stage.env }, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) throw new Error(`RUN ${command} ended with code ${status}`);
}

const outside = () => ({ PATH: process.env.PATH, HOME: process.env.HOME ?? '/' });

function build(stage, stages, contextFolder) {
  for (const step of stage.steps) {
    say(`  ${step.text}`);
    if (step.kind === 'COPY') copy(stage, step, stages, contextFolder);
    else if (step.kind === 'RUN') run(stage, step.command);
    else mkdirSync(below(stage, '.'), { recursive: true });
  }
}

/** Starts what the image starts; the listeners are on free ports of the loopback address. Resolves to the line to be said; throws with what the program said. */
async function tryImage(image) {
  const [port, adminPort] = [await freePort(), await freePort()];
  const listen = { GATEHOUSE_LISTEN: `127.0.0.1:${port}`, GATEHOUSE_ADMIN_LISTEN: `127.0.0.1:${adminPort}` };
  const env = { PATH: process.env.PATH, ...image.env, ...listen, GATEHOUSE_DATA_DIR: join(image.folder, image.env.GATEHOUSE_DATA_DIR) };
  const [uid, gid] = image.user.split(':').map(Number);
  const options = { cwd: below(image, '.'), env, uid, gid, stdio: ['ignore', 'pipe', 'pipe'] };
  const [program, ...args] = [...image.entrypoint, ...image.command];
  const child = spawn(program, args, options);
  const output = [];
  child.stdout.on('data', (chunk) => output.push(chunk));
  child.stderr.on('data', (chunk) => output.push(chunk));
  const ended = new Promise((resolve) => child.once('close', (code, signal) => resolve(signal ?? code)));
  const began = performance.now();
  const [checker, ...checks] = image.healthcheck;
  let isHealthy = false;
  while (!isHealthy && child.exitCode === null && child.signalCode === null && performance.now() - began < startMs) {
    isHealthy = spawnSync(checker, checks, { ...options, stdio: 'ignore' }).status === 0;
    if (!isHealthy) await sleep(200);
  }
  const owner = isHealthy ? statSync(env.GATEHOUSE_DATA_DIR).uid : undefined;
  child.kill(image.stopSignal);
  const timer = globalThis.setTimeout(() => child.kill('SIGKILL'), stopMs);
  const code = await ended;
  clearTimeout(timer);
  if (!isHealthy || code !== 0 || owner !== uid) {
    throw new Error(`${Buffer.concat(output)}\nhealthy: ${isHealthy}, owner of the data ${owner}, ended with ${code}`);
  }
  return `healthy as user ${uid} after ${((performance.now() - began) / 1000).toFixed(1)} s, ended by ${image.stopSignal} with code 0`;
}

const work = mkdtempSync(join(tmpdir(), 'gatehouse-dockerfile-'));
chmodSync(work, 0o755);
try {
  if (process.getuid?.() !== 0) throw new Error('Run it as root: the image makes a folder for another user and starts as that one.');
  const contextFolder = join(work, 'context');
  makeContext(contextFolder);
  const stages = new Map();
  for (const [index, stage] of readDockerfile(readFileSync(join(context, 'Dockerfile'), 'utf8')).entries()) {
    const made = { ...stage, folder: join(work, stage.name ?? `stage-${index}`) };
    mkdirSync(made.folder);
    stages.set(stage.name ?? String(index), made);
    say(`FROM ${stage.base}${stage.name === undefined ? '' : ` AS ${stage.name}`}`);
    build(made, stages, contextFolder);
  }
  say(`Dockerfile: ${stages.size} stages, ${await tryImage([...stages.values()].at(-1))}: passed`);
} catch (error) {
  say(`${error.message}\nDockerfile: failed`);
  process.exitCode = 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}
