import type { Random } from '../../support/random.js';
import type { ApiCaller } from './callers.js';
import type { ApiDocument, ApiOperation, Parameter } from './document.js';
import { brokenBody, hostileValue, type Pool, spoilt, valueFor } from './values.js';

/** One call as it goes over the wire. */
export interface ApiCall {
  readonly operation: ApiOperation;
  readonly caller: ApiCaller;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
  /** Path, headers and body are such that the route itself is reached by whoever may. */
  readonly isWellFormed: boolean;
}

/** What one call needs to know. */
export interface CallParts {
  readonly random: Random;
  readonly pool: Pool;
  readonly document: ApiDocument;
}

/** A third of the calls is as the schemas say, a third has one part spoilt, the rest more or is no JSON at all. */
export function makeCall(operation: ApiOperation, caller: ApiCaller, parts: CallParts): ApiCall {
  const { random } = parts;
  const path = pathOf(operation, parts);
  const body = operation.body === undefined || (operation.method !== 'DELETE' && random.oneIn(40)) ? undefined : bodyOf(operation, parts);
  const odd = operation.body === undefined && random.oneIn(20) ? { bytes: Buffer.from('{"odd":1}'), type: 'application/json', isWellFormed: true } : body;
  const headers = { ...caller.headers, ...headersOf(random), ...ifMatchOf(operation, path.text, parts), ...(odd && { 'content-type': odd.type }) };
  const url = `${path.text}${queryOf(operation, parts)}`;
  const isWellFormed = path.isWellFormed && odd?.isWellFormed !== false && !('content-encoding' in headers);
  return { operation, caller, method: operation.method, url, headers, body: odd?.bytes, isWellFormed };
}

function pathOf({ path, parameters }: ApiOperation, { random, pool }: CallParts): { readonly text: string; readonly isWellFormed: boolean } {
  let isWellFormed = true;
  const text = path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const kind = name === 'id' ? kindOf(path) : name;
    const isKnown = parameters.some((parameter) => parameter.in === 'path');
    if (isKnown && !random.oneIn(8)) return encodeURIComponent(pool.id(random, kind));
    isWellFormed = false;
    return random.pick(['%00', '%zz', '..', '%2e%2e%2f', '%ff', "'", '%F0%9F%98%80', 'a'.repeat(200), '0', '*', '%2f', '-1', '%20']);
  });
  return { text, isWellFormed };
}

/** What an id in a path is the id of: the last word before it. */
function kindOf(path: string): string {
  return /\/([\w-]+)\/\{id\}/.exec(path)?.[1] ?? 'id';
}

function queryOf({ parameters }: ApiOperation, parts: CallParts): string {
  const { random } = parts;
  const given = parameters.filter((parameter) => parameter.in === 'query' && (parameter.required === true || random.oneIn(4)));
  const pairs = given.flatMap((parameter) => pairsOf(parameter, parts));
  if (random.oneIn(25)) pairs.push(['unknown', 'x']);
  if (random.oneIn(25) && pairs.length > 0) pairs.push(random.pick(pairs));
  if (random.oneIn(60)) return `?${random.pick(['%zz', '&&&', '=', 'q=%ff', 'q[]=a&q[b]=c', '__proto__=1', 'constructor=x', `q=${'x'.repeat(9_000)}`])}`;
  return pairs.length === 0 ? '' : `?${pairs.map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join('&')}`;
}

function pairsOf({ name, schema }: Parameter, { random, pool, document }: CallParts): [string, string][] {
  const value = random.oneIn(4) ? hostileValue(random) : valueFor(schema, name, random, pool, document);
  return [value].flat().map((one) => [name, String(typeof one === 'object' ? JSON.stringify(one) : one).slice(0, 4_000)]);
}

/** As encodeURIComponent, also of lone surrogates, which it throws at. */
function encoded(text: string): string {
  return encodeURIComponent(Buffer.from(text, 'utf8').toString('utf8'));
}

function bodyOf({ body, method }: ApiOperation, parts: CallParts) {
  const { random, pool, document } = parts;
  const value = body === undefined ? undefined : valueFor(body, '', random, pool, document);
  const times = random.pick([0, 0, 0, 1, 1, 2]);
  let spoiltValue = value;
  for (let time = 0; time < times; time += 1) spoiltValue = spoilt(spoiltValue, random);
  const text = JSON.stringify(spoiltValue) ?? '';
  if (random.oneIn(10)) {
    const [bytes, type] = brokenBody(text, random);
    return { bytes, type, isWellFormed: false };
  }
  const type = method === 'PATCH' && random.oneIn(2) ? 'application/merge-patch+json' : 'application/json';
  return { bytes: Buffer.from(text, 'utf8'), type, isWellFormed: true };
}

function headersOf(random: Random): Record<string, string> {
  const accepts = ['application/json', '*/*', 'text/csv', 'text/plain', 'application/x-pem-file', 'application/pkix-cert', 'text/event-stream', '', ',;q=,,'];
  return {
    ...(random.oneIn(2) && { accept: random.pick(accepts) }),
    ...(random.oneIn(12) && { 'idempotency-key': random.pick(['again', `once-${random.below(1_000_000)}`, 'x'.repeat(300), 'a b', '\u00e9']) }),
    ...(random.oneIn(40) && { 'content-encoding': random.pick(['gzip', 'identity, gzip', 'x']) }),
    ...(random.oneIn(60) && { 'x-forwarded-for': "1.2.3.4, ' or 1=1" }),
    ...(random.oneIn(60) && { 'last-event-id': random.pick(['', '0', '\u00ff', '00000000-0000-0000-0000-000000000000:1']) }),
  };
}

const oddVersions = ['*', '"1"', '"0", "2"', 'W/"1"', '"', '1', `"${'9'.repeat(40)}"`, '"1\u00ff"'];

/** The version as an answer has last shown it; now and then a wrong one, or none. */
function ifMatchOf({ method }: ApiOperation, path: string, { random, pool }: CallParts): Record<string, string> {
  if (method !== 'PATCH' && method !== 'DELETE') return {};
  if (random.oneIn(10)) return random.oneIn(2) ? {} : { 'if-match': random.pick(oddVersions) };
  return { 'if-match': `"${pool.version(path.split('/').at(-1) ?? '')}"` };
}
