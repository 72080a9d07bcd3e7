/** Devices that wait for an administrator, all of them asking again and again: what a poll costs. */
import { constants, createPublicKey, privateDecrypt, publicEncrypt, sign, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { temporaryDirectory } from '../bench/children.js';
import { startGatehouse } from '../bench/gatehouse.js';
import { drive, httpRequests, type LoadResult, type Target } from '../bench/load.js';
import { cpuOf } from '../bench/machine.js';
import { createCluster } from '../bench/postgres.js';
import { say } from '../bench/report.js';
import { discover, prepareScep } from '../bench/scep-load.js';
import type { DeviceKey } from '../chaos/device/keys.js';
import { readCertRep } from '../chaos/device/scep-message.js';
import { certPoll } from '../chaos/device/scep-transaction.js';
import { type Figure, figure } from './figure.js';

const challenge = 'PollStormChallenge0001';
const connections = 16;

interface Admin {
  readonly url: string;
  readonly token: string;
}

async function call(admin: Admin, path: string, body?: unknown): Promise<unknown> {
  const headers = { Authorization: `Bearer ${admin.token}`, 'Content-Type': 'application/json' };
  const answer = await fetch(`${admin.url}/api/v1${path}`, body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path} gave ${answer.status}: ${await answer.text()}`);
  return answer.json();
}

/** A profile whose orders an administrator approves; its SCEP URL. */
async function manualProfile(dataDir: string, scepUrl: string): Promise<string> {
  const { admin } = JSON.parse(readFileSync(join(dataDir, 'first-run.json'), 'utf8')) as { admin: Admin };
  const { items } = (await call(admin, '/connectors')) as { items: readonly { id: string }[] };
  const policy = { approval: { mode: 'manual', maxPending: null } };
  await call(admin, '/scep-profiles', { name: 'Manual', connectorId: items[0]?.id, endpointPath: 'manual', challengePassword: challenge, policy });
  return scepUrl.replace(/[^/]+$/, 'manual');
}

/** The processes that serve devices learn of a new profile within a second. */
async function waitUntilServed(url: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const { status } = await fetch(`${url}?operation=GetCACert`);
    if (status !== 404) return;
    await sleep(100);
  }
  throw new Error(`${url} is not served.`);
}

/** Sends all messages once; counts the answers that are not PENDING. */
async function sendAll(target: Target, messages: readonly Buffer[]): Promise<{ readonly result: LoadResult; readonly faults: number }> {
  let faults = 0;
  const isPending = (body: Buffer): boolean => {
    try {
      return readCertRep(body).status === 'pending';
    } catch {
      return false;
    }
  };
  const result = await drive(target, httpRequests(target, messages), connections, (_index, { status, body }) => {
    if (status !== 200 || !isPending(body)) faults += 1;
  });
  return { result, faults };
}

/**
 * Processor time of what no server of SCEP can leave out of a poll, as this machine gives it in these minutes: one decryption and one
 * signature with the RA's key, one verification with the device's. Neighbours who empty the caches make both figures larger.
 */
function cryptographyMs({ privateKey }: DeviceKey): number {
  const publicKey = createPublicKey(privateKey);
  const data = Buffer.alloc(200, 7);
  const signature = sign('sha256', data, privateKey);
  const wrapped = publicEncrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, Buffer.alloc(256, 1));
  const rounds = 500;
  const before = process.cpuUsage();
  for (let round = 0; round < rounds; round += 1) {
    privateDecrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, wrapped);
    sign('sha256', data, privateKey);
    verify('sha256', data, publicKey, signature);
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / rounds;
}

/** `devices` orders that wait, then `rounds` polls of each over HTTP: processor time of the server and of the database for one poll. */
export async function pollStorm(keys: readonly DeviceKey[], devices: number, rounds: number): Promise<readonly Figure[]> {
  const directory = temporaryDirectory();
  const cluster = await createCluster();
  const server = await startGatehouse({
    dataDir: directory.path,
    processes: cluster === undefined ? 1 : 2,
    engineKey: 'P-256',
    ...(cluster === undefined ? {} : { databaseUrl: cluster.url }),
  });
  try {
    const url = await manualProfile(directory.path, server.scepUrl);
    await waitUntilServed(url);
    const known = await discover(url, challenge);
    const { hostname, port, pathname } = new URL(url);
    const target = { host: hostname, port: Number(port), path: `${pathname}?operation=PKIOperation`, contentType: 'application/x-pki-message' };
    const { transactions, messages } = prepareScep(devices, keys, known);
    const enrolled = await sendAll(target, messages);
    say(`  ${devices} devices wait, ${enrolled.faults} were not told so, ${Math.round(enrolled.result.perSecond)} requests/s`);
    // The statistics of the tables would come a minute later by themselves; the compilers settle meanwhile.
    await sendAll(
      target,
      transactions.slice(0, Math.min(devices, 2_000)).map((item) => certPoll(item, known)),
    );
    const databaseMs = () => (cluster === undefined ? 0 : cpuOf(cluster.pid()));
    let [serverMs, storeMs, faults] = [0, 0, enrolled.faults];
    const results: LoadResult[] = [];
    const floors: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const polls = transactions.map((item) => certPoll(item, known));
      floors.push(cryptographyMs(keys[0] as DeviceKey));
      const before = { server: cpuOf(server.child.pid), database: databaseMs() };
      const polled = await sendAll(target, polls);
      serverMs += cpuOf(server.child.pid) - before.server;
      storeMs += databaseMs() - before.database;
      faults += polled.faults;
      results.push(polled.result);
    }
    const polls = devices * rounds;
    const where = cluster === undefined ? 'PGlite' : 'PostgreSQL';
    const last = results.at(-1);
    return [
      figure(`processor time of the server for a poll, ${devices} devices waiting, ${where}`, serverMs / polls, 'ms', {
        most: devices >= 10_000 ? 1 : undefined,
        faults,
      }),
      figure('processor time of the cryptography in a poll, in the same minutes', floors.reduce((sum, item) => sum + item, 0) / rounds, 'ms'),
      figure(`processor time of the database for a poll, ${where}`, storeMs / polls, 'ms'),
      figure('polls, generator on the same machine', last?.perSecond ?? 0, '1/s'),
      figure('p99 of a poll', last?.p99Ms ?? 0, 'ms'),
    ];
  } finally {
    await server.child.end('SIGTERM');
    cluster?.remove();
    directory.remove();
  }
}
