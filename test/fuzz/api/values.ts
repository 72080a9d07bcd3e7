import type { Random } from '../../support/random.js';
import { type ApiDocument, resolved, type Schema } from './document.js';

/** Ids that answers have shown, by what they were ids of; and whatever else is worth sending back. */
export interface Pool {
  id(random: Random, name: string): string;
  cursor(random: Random): string;
  /** As the object of that id was last seen. */
  version(id: string): number;
}

const freshId = (random: Random): string => {
  const hex = random.bytes(16).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
};

const times = ['2026-01-01T00:00:00Z', '2027-11-21T22:00:00.000Z', '2026-12-31T23:59:59+05:30', '9999-12-31T23:59:59Z', '0001-01-01T00:00:00Z'];
const names = ['CN=device-1', 'CN=device-1,O=Example', 'O=Acme', 'CN=*', 'CN={CN},O=Acme', '2.5.4.3=\\#1', 'CN=a\\,b+OU=c'];
const urls = ['embedded:', 'http://127.0.0.1:9/', 'https://ca.invalid', 'http://[::1]:9/x', 'http://127.0.0.1:9/judge'];

/** By the name of a field, what passes its schema more often than letters would. */
const hints: Readonly<Record<string, readonly unknown[]>> = {
  subject: names,
  issuer: names,
  template: names,
  sans: ['dns:a.example', 'ip:192.0.2.1', 'email:a@b.example', 'a.example', '192.0.2.1'],
  serial: ['0a1b2c', '00', 'ff:ff', '7'],
  endpointPath: ['line-1', 'demo', 'a', '.', '..'],
  legacyPaths: ['/certsrv/mscep/mscep.dll', '/a'],
  username: ['admin', 'someone', 'a.b'],
  password: ['correct horse battery staple', 'short'],
  slug: ['acme', 'default', 'a-b'],
  csv: ['subject\nCN=a', 'issuer,serial\n"CN=x",0a', 'subject,uses\nCN=b,2'],
  status: ['active', 'inactive'],
  to: ['someone@example.invalid'],
  permissions: ['order:read', 'profile:test'],
  secret: ['a secret of sixteen characters and more 1234'],
  q: ['demo', 'a', '%', '_', '\\', "'", 'CN=', '*', 'zz'],
  loginUrl: urls,
  url: urls,
  connectorUrl: ['https://ca.invalid', 'https://127.0.0.1:9', 'http://127.0.0.1:9'],
  from: ['ops@example.invalid'],
  replyTo: ['ops@example.invalid'],
  identity: ['CN', 'dns'],
  dialect: ['crypto-engine-v1', 'vault'],
  description: ['', 'What it is for'],
  caUrl: urls,
  message: ['MIIB', '', 'AAAA', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----'],
};

const alphabet = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
const text = (random: Random, length: number): string => Array.from({ length }, () => alphabet[random.below(alphabet.length)]).join('');

/** A value that a schema allows, as far as can be told from it. */
export function valueFor(schema: Schema, name: string, random: Random, pool: Pool, document: ApiDocument, depth = 0): unknown {
  const one = resolved(schema, document);
  if ('const' in one) return one.const;
  if (one.enum !== undefined && one.enum.length > 0) return random.pick(one.enum);
  const branches = one.anyOf ?? one.oneOf;
  const again = (next: Schema): unknown => valueFor(next, name, random, pool, document, depth + 1);
  if (branches !== undefined) return again(random.pick(branches));
  if (one.allOf !== undefined) return Object.assign({}, ...one.allOf.map(again));
  const type = Array.isArray(one.type) ? random.pick(one.type as readonly string[]) : one.type;
  switch (type) {
    case 'object':
      return objectFor(one, random, pool, document, depth);
    case 'array': {
      const { items, minItems = 0, maxItems = 3 } = one;
      const count = Math.min(maxItems, minItems + (depth > 6 ? 0 : random.below(3)));
      return items === undefined ? [] : Array.from({ length: count }, () => valueFor(items, name, random, pool, document, depth + 1));
    }
    case 'string':
      return stringFor(one, name, random, pool);
    case 'integer':
    case 'number':
      return numberFor(one, random);
    case 'boolean':
      return random.oneIn(2);
    default:
      return null;
  }
}

function objectFor({ properties = {}, required = [], additionalProperties }: Schema, random: Random, pool: Pool, document: ApiDocument, depth: number) {
  const chosen = Object.entries(properties).filter(([name]) => required.includes(name) || random.oneIn(depth > 4 ? 8 : 3));
  const made = chosen.map(([name, schema]) => [name, valueFor(schema, name, random, pool, document, depth + 1)] as const);
  const isOpen = additionalProperties === true || (typeof additionalProperties === 'object' && Object.keys(properties).length === 0);
  const more =
    isOpen && random.oneIn(2)
      ? [[text(random, 4), typeof additionalProperties === 'object' ? valueFor(additionalProperties, '', random, pool, document, depth + 1) : 1]]
      : [];
  return Object.fromEntries([...made, ...more]);
}

function stringFor({ format, minLength = 0, maxLength = 40, pattern }: Schema, name: string, random: Random, pool: Pool): string {
  if (format === 'uuid') return random.oneIn(6) ? freshId(random) : pool.id(random, name);
  if (name === 'cursor') return pool.cursor(random);
  if (format === 'date-time') return random.pick(times);
  const hint = hints[name];
  if (hint !== undefined && !random.oneIn(4)) return String(random.pick(hint));
  if (format === 'uri' || /url/i.test(name)) return random.pick(urls);
  if (format === 'email' || /mail|recipient/i.test(name)) return 'someone@example.invalid';
  if (pattern?.startsWith('^\\/') === true) return `/${text(random, 8)}`;
  const lengths = [minLength, Math.max(minLength, Math.min(maxLength, minLength + 12)), maxLength].filter((length) => length <= 20_000);
  return text(random, random.pick(lengths));
}

function numberFor({ minimum = 0, maximum = 1_000_000 }: Schema, random: Random): number {
  return random.pick([minimum, maximum, minimum + random.below(Math.max(1, Math.min(maximum - minimum, 1_000_000)))]);
}

const nested = (depth: number): unknown => {
  let value: unknown = 0;
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
};

const hostile: readonly ((random: Random) => unknown)[] = [
  () => '',
  () => '\u0000',
  () => 'a\u0000b',
  () => '\ud800',
  () => 'x\udfff\ud800y',
  () => "'; drop table orders; --",
  () => '%\\_%',
  () => '../../etc/passwd',
  () => ['{{7*7}}', '{7*7}<script>alert(1)</script>'].join('$'),
  () => '\u202eevil\u0007\u001b[31m',
  () => '=cmd|calc',
  () => 'İıſK\u00df\ufb03',
  (random) => 'x'.repeat(random.pick([65, 256, 1_001, 20_000, 200_000])),
  (random) => '\u{1f600}'.repeat(random.pick([40, 101, 3_000])),
  () => null,
  () => true,
  () => [],
  () => ({}),
  () => [[]],
  () => ({ toString: 1, length: -1, constructor: 'x' }),
  (random) => random.pick([0, -1, -0.5, 1.5, 2 ** 31, -(2 ** 31) - 1, 2 ** 53, 2 ** 63, 1e308, -1e308, 5e-324]),
  (random) => random.pick(['0', '-1', 'NaN', 'Infinity', '1e999', '0x10', '1_000', '9007199254740993', '٣']),
  (random) => random.pick(['+275760-09-13T00:00:00Z', '0000-01-01T00:00:00Z', '9999-12-31T23:59:59-23:59', '2026-02-30T00:00:00Z', '-000001-01-01T00:00:00Z']),
  (random) => random.pick(['00000000-0000-0000-0000-000000000000', 'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF', 'null', 'undefined', '*']),
  (random) => nested(random.pick([20, 500])),
];

/** What no schema means. */
export const hostileValue = (random: Random): unknown => random.pick(hostile)(random);

/** The same value with one of its parts replaced by a hostile one, put in, or taken away. */
export function spoilt(value: unknown, random: Random): unknown {
  if (typeof value !== 'object' || value === null || random.oneIn(6)) return hostileValue(random);
  if (Array.isArray(value))
    return value.length === 0 || random.oneIn(3)
      ? [...value, hostileValue(random)]
      : value.with(random.below(value.length), spoilt(random.pick(value), random));
  const entries = Object.entries(value);
  if (entries.length === 0 || random.oneIn(5))
    return { ...value, [String(random.pick(['unknown', 'id', 'tenantId', 'version', 'toString', '']))]: hostileValue(random) };
  const [name, member] = random.pick(entries);
  if (random.oneIn(6)) return Object.fromEntries(entries.filter(([other]) => other !== name));
  return { ...value, [name]: spoilt(member, random) };
}

/** Bodies that are no JSON value of any schema; `[bytes, Content-Type]`. */
export function brokenBody(body: string, random: Random): readonly [Buffer, string] {
  const json = 'application/json';
  const broken: readonly (readonly [string | Buffer, string])[] = [
    ['', json],
    [body.slice(0, random.below(body.length + 1)), json],
    [`${body}${body}`, json],
    [`\u0000${body}`, json],
    [`\ufeff${body}`, json],
    [Buffer.from([0xff, 0xfe, 0x7b, 0x7d]), json],
    ['{"__proto__":{"role":"superadmin"}}', json],
    ['{"a":{"constructor":{"prototype":{"x":1}}}}', json],
    ['{"name":"a","name":"b"}', json],
    ['['.repeat(random.pick([100, 100_000, 500_000])), json],
    [`${'['.repeat(100_000)}${']'.repeat(100_000)}`, json],
    [`${'{"a":'.repeat(60_000)}1${'}'.repeat(60_000)}`, json],
    [`{"name":${'{"a":'.repeat(60_000)}1${'}'.repeat(60_000)}}`, json],
    [`{"name":1${'0'.repeat(100_000)}}`, json],
    ['{"limit":1e999999}', json],
    ['null', json],
    ['"text"', json],
    ['12', json],
    [`"${'x'.repeat(1_100_000)}"`, json],
    [body, 'text/plain'],
    [body, 'application/x-www-form-urlencoded'],
    [body, 'multipart/form-data; boundary=x'],
    [body, 'application/json; charset=utf-16'],
    [body, 'application/merge-patch+json'],
    [body, 'APPLICATION/JSON'],
    [body, '\u00ff/json'],
    [body, ';'],
  ];
  const [bytes, type] = random.pick(broken);
  return [typeof bytes === 'string' ? Buffer.from(bytes, 'utf8') : bytes, type];
}
