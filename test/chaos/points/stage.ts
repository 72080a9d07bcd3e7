/** What every fault point is tried on: three nodes, each with a line of its own to one PostgreSQL, before a CA that does as it is told. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { temporaryDirectory } from '../../bench/children.js';
import type { Cluster } from '../../bench/postgres.js';
import { awakeMs } from '../awake.js';
import { createDatabase, createFleet, type FirstRun, type Parts, readFirstRun, startNodes } from '../campaign.js';
import type { Fleet, Line } from '../device/fleet.js';
import { runDevices } from '../device/run-devices.js';
import { collect } from '../facts.js';
import { History } from '../history.js';
import { type HostileCa, startHostileCa } from '../hostile-ca.js';
import type { ChaosNode } from '../node.js';
import { remoteTimeoutMs } from '../remote-issuer.js';
import { type DatabaseLine, openDatabaseLine } from './database-line.js';
import type { FaultPoint } from './points.js';

export interface Stage {
  readonly nodes: readonly ChaosNode[];
  readonly lines: readonly DatabaseLine[];
  readonly ca: HostileCa;
  readonly cluster: Cluster;
  readonly databaseUrl: string;
  readonly directory: string;
  readonly fleet: Fleet;
  readonly made: FirstRun;
  readonly parts: Parts;
  /** One query, by a connection of its own. */
  query(sql: string): Promise<readonly Record<string, unknown>[]>;
  close(): Promise<void>;
}

export async function openStage(parts: Parts, cluster: Cluster): Promise<Stage> {
  const directory = temporaryDirectory();
  const databaseUrl = await createDatabase(cluster);
  const lines = await Promise.all([0, 1, 2].map(() => openDatabaseLine(databaseUrl, parts.random)));
  const ca = await startHostileCa(parts.random, remoteTimeoutMs, {});
  const nodes = await startNodes({ nodes: 3 }, parts.server, directory.path, (index) => (lines[index] as DatabaseLine).url, ca.url);
  const made = readFirstRun(directory.path);
  const fleet = await createFleet(nodes, made, parts, { isStopping: false, deadline: Number.POSITIVE_INFINITY, isAhead: () => false });
  return {
    nodes,
    lines,
    ca,
    cluster,
    databaseUrl,
    directory: directory.path,
    fleet,
    made,
    parts,
    async query(sql) {
      const client = new pg.Client({ connectionString: databaseUrl });
      client.on('error', () => undefined);
      await client.connect();
      try {
        return (await client.query(sql)).rows;
      } finally {
        await client.end();
      }
    },
    async close() {
      for (const node of nodes) await node.stop();
      await Promise.all(lines.map((line) => line.close()));
      await ca.close();
      directory.remove();
    },
  };
}

/** A fleet with a history of its own, whose certificates can be told by their names. */
export function fleetFor(stage: Stage, { id, line, scepShare = 0.5, isBalanced }: FaultPoint, counts: Record<string, number>) {
  const state = { isStopping: false, deadline: Number.POSITIVE_INFINITY };
  const noted: Line['noted'] = (what) => {
    counts[what] = (counts[what] ?? 0) + 1;
  };
  const prefix = `chaos-${id.toLowerCase()}-${randomBytes(2).toString('hex')}`;
  const fleet: Fleet = {
    ...stage.fleet,
    nodes: isBalanced ? stage.fleet.nodes.slice(0, 2) : stage.fleet.nodes,
    history: new History(),
    prefix,
    line: { ...line, noted },
    isStopping: () => state.isStopping,
    deadline: () => state.deadline,
  };
  return {
    fleet,
    run: (devices: number) => Promise.all(Array.from({ length: devices }, (_, slot) => runDevices(fleet, slot, scepShare))),
    stop(patienceMs: number) {
      state.isStopping = true;
      state.deadline = awakeMs() + patienceMs;
    },
  };
}

/** What the server and the CA know of the devices with this prefix. */
export async function factsFor(stage: Stage, prefix: string) {
  const facts = await collect(stage.query);
  const rows = await stage.query(`select transaction_id, state from orders where subject like '%${prefix}%'`);
  const orders = rows.map((row) => ({ transactionId: String(row.transaction_id), state: String(row.state) }));
  const isTheirs = ({ commonName }: { readonly commonName: string }) => commonName.startsWith(prefix);
  return { orders, certificates: facts.certificates.filter(isTheirs), issuedByCa: stage.ca.issued().filter(isTheirs) };
}
