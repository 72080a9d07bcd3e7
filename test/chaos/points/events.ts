/** What happens outside the program while devices enrol. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { awakeMs, heldMsSince, machineMs } from '../awake.js';
import { readCertRep } from '../device/scep-message.js';
import { newScepTransaction, pkcsReq } from '../device/scep-transaction.js';
import type { ChaosNode } from '../node.js';
import { remoteLeaseMs, remoteTimeoutMs } from '../remote-issuer.js';
import type { Trial } from './points.js';
import type { Stage } from './stage.js';

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const hourMs = 3_600_000;
/** What is judged is the answer, not how long a machine with other work to do takes for it. */
const answerMs = 90_000;

async function asks(url: string, init: RequestInit = {}): Promise<Response | undefined> {
  try {
    return await fetch(url, { ...init, signal: AbortSignal.timeout(answerMs) });
  } catch {
    return undefined;
  }
}

function freshRequest(stage: Stage, name: string): RequestInit {
  const transaction = newScepTransaction(name, stage.parts.random.pick(stage.parts.keys), stage.fleet.scep, 'aes128');
  return { method: 'POST', body: pkcsReq(transaction, stage.fleet.scep), headers: { 'content-type': 'application/x-pki-message' } };
}

const scepUrl = (stage: Stage, node: ChaosNode, operation: string) => `${node.url}${stage.fleet.scep.path.replace('PKIOperation', operation)}`;

/** F2: 503 with Retry-After for requests, not ready, and what is known goes on being served. */
export async function stopDatabase({ stage, broken, hit, isOver }: Trial): Promise<void> {
  while (!isOver()) {
    await pause(stage.parts.random.between(100, 600));
    const begun = machineMs();
    stage.cluster.stop('immediate');
    const node = stage.parts.random.pick(stage.nodes);
    const [request, ready, ca] = await Promise.all([
      asks(scepUrl(stage, node, 'PKIOperation'), freshRequest(stage, `chaos-away-${randomBytes(6).toString('hex')}`)),
      asks(`${node.url}/readyz`),
      asks(scepUrl(stage, node, 'GetCACert')),
    ]);
    stage.cluster.start();
    // Held together with the nodes: that no answer came in time says nothing, then.
    if (heldMsSince(begun) > answerMs / 4) continue;
    if (request?.status !== 503 || request.headers.get('retry-after') === null) broken.push(`without a database a request got ${request?.status}`);
    if (ready?.status !== 503) broken.push(`without a database /readyz said ${ready?.status}`);
    if (ca?.status !== 200) broken.push(`without a database GetCACert got ${ca?.status}`);
    hit();
  }
}

/** F3: the row may be there or not; nobody heard. */
export async function cutAtCommit({ stage, hit, isOver }: Trial): Promise<void> {
  const cuts = () => stage.lines.reduce((sum, line) => sum + line.cuts, 0);
  let seen = cuts();
  for (const line of stage.lines) line.cutShare = 0.08;
  while (!isOver()) {
    await pause(100);
    hit(cuts() - seen);
    seen = cuts();
  }
  for (const line of stage.lines) line.cutShare = 0;
}

/** F5: while a transaction is open, another request under its id is refused and changes nothing. */
export async function contradict({ stage, broken, hit, isOver }: Trial): Promise<void> {
  const { parts, fleet, ca } = stage;
  ca.setMoods({ slow: 1 });
  const send = async (body: Buffer) => {
    const answer = await asks(scepUrl(stage, parts.random.pick(stage.nodes), 'PKIOperation'), {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/x-pki-message' },
    });
    return answer?.status === 200 ? readCertRep(Buffer.from(await answer.arrayBuffer())) : undefined;
  };
  while (!isOver()) {
    const key = parts.random.pick(parts.keys);
    const name = `chaos-f5-${randomBytes(6).toString('hex')}`;
    const first = newScepTransaction(name, key, fleet.scep, 'aes128');
    const other = { ...newScepTransaction(`${name}-other`, key, fleet.scep, 'aes128'), transactionId: first.transactionId };
    const begun = send(pkcsReq(first, fleet.scep));
    await untilRecorded(stage, name);
    const contradicted = await send(pkcsReq(other, fleet.scep));
    const known = await begun;
    if (contradicted?.status === 'failure' && contradicted.failInfo === '2') hit();
    if (known?.status === 'failure') broken.push(`${name} was refused: ${known.failInfo}`);
    const others = ca.issued().filter((item) => item.commonName === `${name}-other`).length;
    if (contradicted?.status === 'failure' && others > 0) broken.push(`${name}: the other request was refused and issued`);
  }
}

async function untilRecorded(stage: Stage, name: string): Promise<void> {
  for (let round = 0; round < 50; round += 1) {
    if ((await stage.query(`select 1 from orders where subject like '%${name}%'`)).length > 0) return;
    await pause(20);
  }
}

/** F13: the CA refuses every call for a while; the breaker opens, no order suffers. */
export async function refuseCredential({ stage, hit, isOver }: Trial): Promise<void> {
  const met = () => stage.ca.met.unwelcome ?? 0;
  while (!isOver()) {
    const before = met();
    stage.ca.setMoods({ unwelcome: 1 });
    for (let waited = 0; waited < 40 && met() - before < 15; waited += 1) await pause(100);
    stage.ca.setMoods({});
    hit(met() - before);
    await pause(12_000);
  }
}

/** F16: two nodes at a time are held for longer than the lease of what they are doing. */
export async function freeze({ stage, hit, isOver }: Trial): Promise<void> {
  const keep = async (node: ChaosNode) => {
    while (!isOver()) {
      await pause(stage.parts.random.between(200, 900));
      if (stage.ca.underWay === 0) continue;
      await node.freeze(stage.parts.random.between(remoteLeaseMs + 100, remoteLeaseMs + 1_300));
      hit();
    }
  };
  await Promise.all(stage.nodes.slice(0, 2).map(keep));
}

/** A stall ends by itself: the place is armed again and again. */
export async function rearm({ stage, hit, isOver }: Trial): Promise<void> {
  const keep = async (node: ChaosNode) => {
    while (!isOver()) {
      node.arm(() => `answered:stall:${stage.parts.random.between(0, 4)}`);
      const wasHeld = await isHeld(node);
      if (wasHeld) hit();
      await pause(stage.parts.random.between(100, 600));
    }
  };
  await Promise.all(stage.nodes.map(keep));
}

/** Whether it stops answering within a while; waits until it answers again. */
async function isHeld(node: ChaosNode): Promise<boolean> {
  for (let round = 0; round < 30; round += 1) {
    const begun = machineMs();
    await asks(`${node.url}/healthz`);
    if (machineMs() - begun - heldMsSince(begun) > 1_500) return true;
    await pause(100);
  }
  return false;
}

/** F17: the line to the database is dead for a part of the call, or longer than the lease. */
export async function partition({ stage, hit, isOver }: Trial): Promise<void> {
  const { random } = stage.parts;
  while (!isOver()) {
    await pause(random.between(50, 300));
    if (stage.ca.underWay === 0) continue;
    await random.pick(stage.lines).hold(random.between(300, random.chance(0.2) ? remoteLeaseMs + 800 : remoteTimeoutMs));
    hit();
  }
}

/** F18: its clock is an hour ahead, then an hour behind: it is not ready, and what reaches it all the same is dealt with rightly. */
export async function shiftClock({ stage, broken, counts: _counts, hit, isOver }: Trial): Promise<void> {
  const node = stage.nodes[2] as ChaosNode;
  for (let round = 0; !isOver(); round += 1) {
    await node.kill();
    await untilAlive(node, { CHAOS_CLOCK_SHIFT_MS: String(round % 2 === 0 ? hourMs : -hourMs) });
    for (let asked = 0; asked < 5; asked += 1) {
      const ready = await asks(`${node.url}/readyz`);
      if (ready?.status === 200) broken.push('a node with a wrong clock said that it was ready');
      else if (ready?.status === 503) hit();
      await pause(150);
    }
  }
  await node.kill();
  node.start();
  await node.untilReady();
}

const aliveWithinMs = 300_000;

/** Starts it in this environment, again where it finds no database, until it answers. */
async function untilAlive(node: ChaosNode, environment: Readonly<Record<string, string>>): Promise<void> {
  const begun = awakeMs();
  do {
    if (awakeMs() - begun > aliveWithinMs) throw new Error(`A node did not come alive: ${node.crashes.join('\n')}`);
    if (!node.isRunning) node.start(undefined, environment);
    await pause(50);
  } while ((await asks(`${node.url}/healthz`))?.status !== 200);
}

/** F19: every seventh audit row meets a full disk: the operation fails with it, as a whole. */
export async function fillDisk({ stage, hit, isOver }: Trial): Promise<void> {
  await stage.query(`create sequence if not exists chaos_full;
    create or replace function chaos_full() returns trigger language plpgsql as
      'begin if random() < 0.15 then perform nextval(''chaos_full''); raise exception ''no space left'' using errcode = ''53100''; end if; return new; end';
    create trigger chaos_full before insert on audit_events for each row execute function chaos_full()`);
  const count = async () => Number((await stage.query('select case when is_called then last_value else 0 end as n from chaos_full'))[0]?.n);
  let seen = 0;
  while (!isOver()) {
    await pause(200);
    const now = await count();
    hit(now - seen);
    seen = now;
  }
  await stage.query('drop trigger chaos_full on audit_events');
}

/** F20: on a node whose clock is thirty years ahead every RA certificate is over: none is handed out, nothing is taken. */
export async function outliveRaCertificate({ stage, broken, hit, isOver }: Trial): Promise<void> {
  const node = stage.nodes[2] as ChaosNode;
  await node.kill();
  await untilAlive(node, { CHAOS_CLOCK_SHIFT_MS: String(30 * 365 * 24 * hourMs), GATEHOUSE_ROLES: 'device' });
  while (!isOver()) {
    const ca = await asks(scepUrl(stage, node, 'GetCACert'));
    if (ca?.status === 200) broken.push('an RA certificate that is over was handed out');
    else if (ca !== undefined) hit();
    await pause(20);
  }
  await node.kill();
  node.start();
  await node.untilReady();
}

/** Starts a node that must refuse to start; its exit code. */
function startInVain(stage: Stage, environment: Readonly<Record<string, string>>): Promise<number | null> {
  const dataDir = join(stage.directory, `vain-${randomBytes(4).toString('hex')}`);
  mkdirSync(dataDir);
  const own = {
    GATEHOUSE_MODE: 'dev',
    GATEHOUSE_DATA_DIR: dataDir,
    GATEHOUSE_LISTEN: '127.0.0.1:0',
    GATEHOUSE_ADMIN_LISTEN: '127.0.0.1:0',
    GATEHOUSE_PROCESSES: '1',
  };
  const child = spawn(process.execPath, [stage.parts.server], {
    env: { PATH: process.env.PATH ?? '', GATEHOUSE_LOG_LEVEL: 'error', GATEHOUSE_ROLES: 'device,worker', ...own, ...environment },
    stdio: 'ignore',
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), 60_000);
  return new Promise((resolve) =>
    child.once('exit', (code) => {
      clearTimeout(timer);
      resolve(code);
    }),
  );
}

/** F21: a node with another master key does not start, and leaves every sealed row as it was. */
export async function startWithWrongKey({ stage, broken, hit, isOver }: Trial): Promise<void> {
  const sealed = async () => JSON.stringify(await stage.query("select md5(string_agg(s::text, ',' order by s::text)) as sum from settings s"));
  const before = await sealed();
  while (!isOver()) {
    const key = { GATEHOUSE_DATABASE_URL: stage.databaseUrl, GATEHOUSE_MASTER_KEY: randomBytes(32).toString('base64') };
    for (const code of await Promise.all([startInVain(stage, key), startInVain(stage, key)])) {
      if (code === 0 || code === null) broken.push(`a node with a wrong master key ended with ${code}`);
      else hit();
    }
  }
  if ((await sealed()) !== before) broken.push('a node with a wrong master key changed the settings');
}

/** F22: a database that a later version has changed is left alone. */
export async function startOnNewerSchema({ stage, broken, hit, isOver }: Trial): Promise<void> {
  const url = new URL(stage.databaseUrl);
  const name = `newer_${randomBytes(4).toString('hex')}`;
  const client = new pg.Client({ connectionString: stage.databaseUrl });
  await client.connect();
  await client.query(`create database ${name}`);
  await client.end();
  url.pathname = `/${name}`;
  const newer = new pg.Client({ connectionString: url.href });
  await newer.connect();
  await newer.query(
    "create table schema_migrations (name text primary key, applied_at timestamptz default now()); insert into schema_migrations values ('9999-of-a-later-version')",
  );
  const key = { GATEHOUSE_DATABASE_URL: url.href, GATEHOUSE_MASTER_KEY: randomBytes(32).toString('base64') };
  while (!isOver()) {
    for (const code of await Promise.all([startInVain(stage, key), startInVain(stage, key)])) {
      if (code === 0 || code === null) broken.push(`a node on a newer schema ended with ${code}`);
      else hit();
    }
  }
  const tables = await newer.query("select count(*)::int as n from pg_tables where schemaname = 'public'");
  if (tables.rows[0].n !== 1) broken.push('a node on a newer schema changed it');
  await newer.end();
}

/** F23: told to stop, a node finishes what it has begun: no call is cut from its record, so that none is made twice. */
export async function terminate({ stage, broken, hit, isOver }: Trial): Promise<void> {
  const cut = watchCutCalls(stage, isOver);
  const keep = async (node: ChaosNode) => {
    while (!isOver()) {
      await pause(stage.parts.random.between(100, 800));
      await node.stop();
      hit();
      node.start();
      await node.untilReady();
    }
  };
  await Promise.all(stage.nodes.map(keep));
  const calls = await cut;
  if (calls > 0) broken.push(`${calls} calls were cut from their record`);
}

/** So long before a lease may have begun that ended just now. */
const leaseBeganMs = remoteLeaseMs + 10_000;

/** Calls whose lease ended without a result, but for those that the machine held past it together with everything else. */
async function watchCutCalls(stage: Stage, isOver: () => boolean): Promise<number> {
  let [cut, seen] = [0, await cutCalls(stage)];
  for (let isLast = false; !isLast; ) {
    isLast = isOver();
    await pause(isLast ? leaseBeganMs : 500);
    const now = await cutCalls(stage);
    if (heldMsSince(machineMs() - leaseBeganMs) < 1_000) cut += now - seen;
    seen = now;
  }
  return cut;
}

/** Orders whose lease ended without a result. */
async function cutCalls(stage: Stage): Promise<number> {
  const rows = await stage.query("select count(*)::int as n from audit_events where details::text like '%The lease ended without a result%'");
  return Number(rows[0]?.n);
}
