import t from 'tap';
import { isConnectionLost, isOutage } from '../../src/runtime/outage.js';

const withCode = (code: string): Error => Object.assign(new Error(code), { code });

t.test('a database that cannot be reached or goes away is an outage, and the connection is lost', async (t) => {
  const codes = [
    'ECONNREFUSED',
    'ECONNRESET',
    'EPIPE',
    'ETIMEDOUT',
    'EHOSTUNREACH',
    'ENETUNREACH',
    'ENOTFOUND',
    'EAI_AGAIN',
    '08006',
    '08P01',
    '25P03',
    '57P01',
    '57P02',
    '57P03',
  ];
  for (const error of [
    ...codes.map(withCode),
    new Error('Connection terminated unexpectedly'),
    new Error('Client has encountered a connection error and is not queryable'),
    Object.assign(new AggregateError([withCode('ECONNREFUSED')]), { code: 'ECONNREFUSED' }),
  ]) {
    t.ok(isConnectionLost(error), error.message);
    t.ok(isOutage(error), error.message);
  }
});

t.test('exhaustion is an outage too, but another connection would not help', async (t) => {
  const codes = ['40001', '40P01', '53100', '53300'];
  for (const error of [...codes.map(withCode), new Error('timeout exceeded when trying to connect')]) {
    t.ok(isOutage(error), error.message);
    t.notOk(isConnectionLost(error), error.message);
  }
});

t.test('a statement or lock that takes too long, and a server that takes no writes, are an outage', async (t) => {
  for (const code of ['57014', '55P03', '25006']) {
    t.ok(isOutage(withCode(code)), code);
    t.notOk(isConnectionLost(withCode(code)), `${code} would happen again on another connection`);
  }
});

t.test('bugs, wrong files and broken certificates are no outage', async (t) => {
  for (const code of ['23505', '42P01', '42703', '25P02', '55000', 'ENOENT', 'EACCES', 'ERR_INVALID_ARG_TYPE', 'ERR_OSSL_BAD_DECRYPT'])
    t.notOk(isOutage(withCode(code)), code);
  for (const thrown of [new Error('The database is gone.'), new TypeError('x is undefined'), 'ECONNREFUSED', undefined, null, { code: 'ECONNREFUSED' }]) {
    t.notOk(isOutage(thrown), String(thrown));
  }
});
