import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Pool as Connections } from 'undici';
import { seededRandom } from '../../support/random.js';
import { type ApiCall, makeCall } from './call.js';
import { ApiCallers } from './callers.js';
import { type ApiDocument, type ApiOperation, operationsOf } from './document.js';
import { Harvest } from './harvest.js';
import { type ApiAnswer, faultOf } from './judge.js';
import { openNode } from './node.js';
import { seedTenants } from './seed.js';
import { type StandstillWatch, watchStandstills } from './standstill.js';

export interface ApiFuzzOptions {
  readonly calls: number;
  readonly seed: number;
  /** Where calls that find something are kept; nowhere where absent. */
  readonly folder?: string;
  say(text: string): void;
  /** In place of what the node answered, for tests of the campaign itself. */
  readonly spoil?: (call: ApiCall, answer: ApiAnswer) => ApiAnswer;
}

export interface ApiFuzzResult {
  readonly calls: number;
  readonly findings: readonly string[];
  /** Answers by status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Operations that were answered with success at least once. */
  readonly succeeded: number;
  readonly operations: number;
  readonly slowestMs: number;
  /** `PGlite` or `PostgreSQL`. */
  readonly database: string;
  /** Calls that were made again because this process had stood still meanwhile. */
  readonly repeated: number;
}

/** What costs scrypt, RSA keys or calls that go out is chosen an eighth as often. */
const costly = new Set(['signIn', 'createUser', 'resetPassword', 'importRaKeys', 'prepareEngineCa', 'activateEngineCa', 'createTenant']);
/** Streams that do not end by themselves. */
const endless = new Set(['followOrders']);

const weighted = (operations: readonly ApiOperation[]): readonly ApiOperation[] =>
  operations.flatMap((operation) => Array.from({ length: costly.has(operation.operationId) ? 1 : 8 }, () => operation));

/** Calls every operation of a whole node's API in every way that `makeCall` knows, as everybody, and judges every answer. */
export async function fuzzApi({ calls, seed, folder, say, spoil = (_, answer) => answer }: ApiFuzzOptions): Promise<ApiFuzzResult> {
  const node = await openNode();
  const connections = new Connections(node.base, { connections: 4, headersTimeout: 120_000, bodyTimeout: 120_000 });
  const found = new Findings(say, folder);
  const statuses: Record<string, number> = {};
  const succeeded = new Set<string>();
  let slowestMs = 0;
  let repeated = 0;
  const watch = watchStandstills();
  try {
    const document = (await (await fetch(`${node.base}/api/v1/openapi.json`)).json()) as ApiDocument;
    const operations = operationsOf(document);
    const choice = weighted(operations);
    const harvest = new Harvest();
    const tenants = await seedTenants(node, harvest);
    const callers = new ApiCallers(node, tenants);
    const ask = async (call: ApiCall): Promise<ApiAnswer> => {
      const asked = await sendThroughStandstills(connections, call, watch);
      slowestMs = Math.max(slowestMs, asked.ms);
      repeated += asked.again;
      const answer = spoil(call, asked.answer);
      statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
      return answer;
    };
    for (let index = 0; index < calls; index += 1) {
      const random = seededRandom(seed, index);
      const operation = random.pick(choice);
      const caller = await callers.pick(random);
      const parts = { random, pool: harvest, document };
      const call = makeCall(operation, caller, parts);
      const answer = await ask(call);
      if (answer.status === 401 && caller.role !== undefined && (await callers.renew(caller))) continue;
      if (answer.status < 300) succeeded.add(operation.operationId);
      if (answer.status < 300 && isJson(answer)) harvest.take(JSON.parse(answer.text), operation.path);
      const fault = faultOf(call, answer, document, caller.tenantId === null ? [] : tenants.filter((id) => id !== caller.tenantId));
      if (fault !== undefined) found.add(index, call, fault, node.complaints.at(-1) ?? '');
      if ((index + 1) % 1_000 === 0) say(`fuzz api: ${index + 1} of ${calls}, ${found.all.length} findings, ${harvest.size} ids known`);
    }
    const silent = operations.filter(({ operationId }) => !succeeded.has(operationId)).map(({ operationId }) => operationId);
    if (silent.length > 0) say(`fuzz api: never answered with success: ${silent.join(', ')}`);
    return {
      calls,
      findings: found.all,
      statuses,
      succeeded: succeeded.size,
      operations: operations.length,
      slowestMs: Math.round(slowestMs),
      database: node.database,
      repeated,
    };
  } finally {
    watch.stop();
    await connections.destroy();
    await node.close();
  }
}

const isJson = ({ contentType }: ApiAnswer): boolean => /^application\/(problem\+)?json\b/.test(contentType);

/** The answer, and how long it took; asked again only where the process stood still and the answer is that the database or the connection was gone. */
async function sendThroughStandstills(
  connections: Connections,
  call: ApiCall,
  watch: StandstillWatch,
): Promise<{ answer: ApiAnswer; ms: number; again: number }> {
  for (let again = 0; ; again += 1) {
    const begun = performance.now();
    const outcome = await send(connections, call).catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))));
    const ms = performance.now() - begun;
    const isGone = outcome instanceof Error || outcome.status === 503;
    if (isGone && again < 5 && (await watch.hasStood(begun - afterMs))) continue;
    if (outcome instanceof Error) throw outcome;
    return { answer: outcome, ms, again };
  }
}

/** Connections that broke while everything stood still are found out one by one. */
const afterMs = 5_000;

async function send(connections: Connections, { operation, method, url, headers, body }: ApiCall): Promise<ApiAnswer> {
  const {
    statusCode: status,
    headers: answered,
    body: stream,
  } = await connections.request({ method: method as 'GET', path: url, headers: { ...headers }, body: body ?? null });
  const contentType = String(answered['content-type'] ?? '');
  if (endless.has(operation.operationId) && status === 200) {
    stream.on('error', () => undefined).destroy();
    return { status, contentType, text: '' };
  }
  return { status, contentType, text: await stream.text() };
}

/** What was found, one line each; a fault of one operation that comes again is told once more and then counted. */
class Findings {
  readonly all: string[] = [];
  readonly #times = new Map<string, number>();
  readonly #say: (text: string) => void;
  readonly #folder: string | undefined;

  constructor(say: (text: string) => void, folder: string | undefined) {
    this.#say = say;
    this.#folder = folder;
  }

  add(index: number, { operation, method, url, headers, body, caller }: ApiCall, fault: string, complaint: string): void {
    const times = (this.#times.get(`${operation.operationId} ${fault}`) ?? 0) + 1;
    this.#times.set(`${operation.operationId} ${fault}`, times);
    this.all.push(`${operation.operationId}: ${fault}`);
    if (times > 2) return;
    const { authorization: _, ...shown } = headers;
    const call = { caller: caller.name, method, url, headers: shown, body: body?.toString('latin1') };
    this.#say(
      `fuzz api: call ${index}, ${method} ${url.slice(0, 200)} as ${caller.name}: ${fault}${/answered 5/.test(fault) ? `\n  ${complaint.slice(0, 1_500)}` : ''}`,
    );
    if (this.#folder !== undefined) writeFileSync(join(this.#folder, `api-${index}.json`), JSON.stringify(call, null, 2));
  }
}
