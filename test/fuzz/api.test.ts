import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { ApiCall } from './api/call.js';
import type { ApiCaller } from './api/callers.js';
import { type ApiDocument, operationsOf } from './api/document.js';
import { faultOf } from './api/judge.js';
import { fuzzApi } from './api/run.js';
import { violation } from './api/validate.js';

t.setTimeout(900_000);

const document = JSON.parse(readFileSync(fileURLToPath(new URL('../../docs/openapi.json', import.meta.url)), 'utf8')) as ApiDocument;

t.test('no call of the API, however made, is answered 5xx, other than declared, or to somebody who may not', async (t) => {
  const said: string[] = [];
  const { findings, succeeded, statuses } = await fuzzApi({ calls: 400, seed: 4711, say: (text) => said.push(text) });
  t.strictSame(findings, [], said.join('\n'));
  t.ok(succeeded > 20, `${succeeded} operations succeeded at least once`);
  t.ok((statuses[200] ?? 0) > 40 && (statuses[400] ?? 0) > 20 && (statuses[403] ?? 0) > 20, JSON.stringify(statuses));
});

function callOf(operationId: string, caller: Partial<ApiCaller>): ApiCall {
  const operation = operationsOf(document).find((one) => one.operationId === operationId);
  if (operation === undefined) throw new Error(operationId);
  const { method, path } = operation;
  const someone = { name: 'someone', role: 'admin', tenantId: 'tenant-a', headers: {}, ...caller } as const;
  return { operation, caller: someone, method, url: path, headers: {}, body: undefined, isWellFormed: true };
}

t.test('what breaks a promise is found', async (t) => {
  const list = { items: [], nextCursor: null, total: 0 };
  const json = (status: number, body: unknown) => ({ status, contentType: 'application/json; charset=utf-8', text: JSON.stringify(body) });
  const judge = (call: ApiCall, answer: ReturnType<typeof json>) => faultOf(call, answer, document, ['tenant-b']);
  const orders = callOf('listOrders', {});
  t.equal(judge(orders, json(200, list)), undefined, 'a sound answer');
  t.match(judge(orders, json(500, {})), /answered 500/);
  t.match(judge(orders, json(201, {})), /status 201 is not declared/);
  t.match(judge(orders, { ...json(200, list), contentType: 'text/html' }), /type "text\/html" is not declared/);
  t.match(judge(orders, json(200, { ...list, extra: 1 })), /extra: is not declared/);
  t.match(judge(orders, json(200, { ...list, total: '0' })), /total: is string, not integer/);
  t.match(judge(orders, json(200, { ...list, items: [{ tenantId: 'tenant-b' }] })), /was shown the tenant tenant-b/);
  t.match(judge(callOf('createTenant', {}), json(201, {})), /was let in without tenant:write/);
  t.match(judge(callOf('listUsers', { role: 'viewer' }), json(404, {})), /got 404 instead of 403/);
  t.match(judge(callOf('listOrders', { role: undefined }), json(403, {})), /got 403 instead of 401/);
});

t.test('schemas are held to the letter', async (t) => {
  const rows: readonly (readonly [unknown, object, RegExp | undefined])[] = [
    [1, { type: 'integer' }, undefined],
    [1.5, { type: 'integer' }, /is number, not integer/],
    [null, { type: ['string', 'null'] }, undefined],
    [{ a: 1 }, { type: 'object', required: ['b'] }, /b: is missing/],
    ['x', { enum: ['a', 'b'] }, /none of the values/],
    [[1, 'a'], { type: 'array', items: { type: 'integer' } }, /1: is string/],
    ['2026-11-21', { type: 'string', format: 'date-time' }, /is no date-time/],
    ['ab', { type: 'string', pattern: '^a$' }, /does not match/],
    [5, { type: 'integer', maximum: 4 }, /out of range/],
    [1, { anyOf: [{ type: 'string' }, { type: 'null' }] }, /fits no branch/],
  ];
  for (const [value, schema, wanted] of rows) t.match(violation(value, schema, document) ?? '', wanted ?? /^$/, JSON.stringify([value, schema]));
  t.throws(() => violation(1, { unevaluatedItems: false } as object, document), /is not looked at/);
});
