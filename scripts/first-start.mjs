// Measures the first start of the built server in an empty folder: from the command to a ready answer. Prints the time; fails only when the server does not come up.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from './free-port.mjs';

const limitMs = 45_000;
const binary = fileURLToPath(new URL('../bin/gatehouse.js', import.meta.url));

async function isReady(url) {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}

const dataDir = mkdtempSync(join(tmpdir(), 'gatehouse-first-start-'));
const [devicePort, adminPort] = [await freePort(), await freePort()];
const env = {
  PATH: process.env.PATH,
  GATEHOUSE_DATA_DIR: dataDir,
  GATEHOUSE_LISTEN: `127.0.0.1:${devicePort}`,
  GATEHOUSE_ADMIN_LISTEN: `127.0.0.1:${adminPort}`,
};
const began = performance.now();
const child = spawn(process.execPath, [binary, 'serve'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
const output = [];
child.stdout.on('data', (chunk) => output.push(chunk));
child.stderr.on('data', (chunk) => output.push(chunk));
const exited = new Promise((resolve) => child.once('close', resolve));

let isUp = false;
while (!isUp && child.exitCode === null && performance.now() - began < limitMs) {
  isUp = await isReady(`http://127.0.0.1:${devicePort}/readyz`);
  if (!isUp) await sleep(50);
}
const seconds = ((performance.now() - began) / 1000).toFixed(1);
child.kill('SIGTERM');
const timer = globalThis.setTimeout(() => child.kill('SIGKILL'), 15_000);
await exited;
clearTimeout(timer);
rmSync(dataDir, { recursive: true, force: true });

if (isUp) {
  process.stdout.write(`first start: ready after ${seconds} s on ${cpus().length} cores (wanted: under 10 s)\n`);
} else {
  process.stdout.write(`${Buffer.concat(output)}\nfirst start: not ready after ${seconds} s\n`);
  process.exitCode = 1;
}
