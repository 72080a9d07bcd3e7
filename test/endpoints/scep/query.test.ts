import { randomBytes } from 'node:crypto';
import t from 'tap';
import { clientFamilyOf } from '../../../src/endpoints/scep/client-family.js';
import { decodeGetMessage, readQuery } from '../../../src/endpoints/scep/query.js';

t.test('SCEP-002 SCEP-028 CT-01 CT-18 CT-19 finds the operation in any letter case, beside any message', async (t) => {
  for (const query of [
    'operation=GetCACaps',
    'operation=GetCACaps&message=',
    'operation=GetCACaps&message=0',
    'operation=GetCACaps&message=My%20CA',
    'OPERATION=getcacaps',
    'message=x&operation=GETCACAPS',
    '&&operation=GetCACaps&&',
  ]) {
    t.equal(readQuery(query).operation, 'GetCACaps', query);
  }
  t.equal(readQuery('operation=GetCACertChain').operation, 'GetCACertChain');
  t.equal(readQuery('operation=pkioperation').operation, 'PKIOperation');
  t.equal(readQuery('').operation, 'absent');
  t.equal(readQuery('message=AAAA').operation, 'absent');
  for (const query of ['operation', 'operation=', 'operation=GetEverything', 'operation=constructor', 'operation=__proto__'])
    t.equal(readQuery(query).operation, 'unknown', query);
  t.equal(readQuery('operation=PKIOperation').message, undefined);
  t.equal(readQuery('operation=PKIOperation&message=A+B/C==').message, 'A+B/C==', 'the message stays raw');
});

/** Bytes whose base64 has plus, slash and padding. */
const bytes = Buffer.concat([Buffer.from('fbefbefffffe', 'hex'), randomBytes(200), Buffer.of(0xfb)]);
const base64 = bytes.toString('base64');
const percent = (text: string, characters: string) =>
  text.replace(new RegExp(`[${characters}]`, 'g'), (found) => `%${found.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`);
const columns = (text: string, end: string) => (text.match(/.{1,64}/g) ?? []).join(end) + end;

t.test('SCEP-004 CT-02 decodes the base64 of a GET in every form the field sends', async (t) => {
  const forms: Record<string, string> = {
    'fully percent-encoded (certmonger, micromdm)': encodeURIComponent(base64),
    'only = encoded, + and / literal (Apple)': percent(base64, '='),
    'nothing encoded (jscep)': base64,
    '+ turned into %20 by a proxy': encodeURIComponent(base64.replace(/\+/g, ' ')),
    '64 columns with %0A (sscep, strongSwan, IOS)': percent(columns(base64, '\n'), '+\n'),
    '64 columns with %0D%0A': encodeURIComponent(columns(base64, '\r\n')),
    'percent-encoded twice': encodeURIComponent(encodeURIComponent(base64)),
    base64url: bytes.toString('base64url'),
    'without padding': encodeURIComponent(base64.replace(/=+$/, '')),
    'lower-case escapes': encodeURIComponent(base64).replace(/%../g, (found) => found.toLowerCase()),
  };
  for (const [what, form] of Object.entries(forms)) t.same(decodeGetMessage(form), { ok: true, value: bytes }, what);
});

t.test('SCEP-010 refuses what is no base64 after that', async (t) => {
  for (const form of ['', '=', '====', 'A', 'AAAAA', 'AB%zz', '%', 'AA%00AA', 'AA!A', 'AAAA=AAAA', 'Zm9=Zm9v', '%F0%28', '\u00e9A==', 'AB']) {
    t.equal(decodeGetMessage(form).ok, false, JSON.stringify(form));
  }
});

t.test('guesses the client from what it sends', async (t) => {
  const marks = { userAgent: '', contentType: '', method: 'POST', transactionId: '' } as const;
  const rows = {
    'cisco-ios': { userAgent: 'Mozilla/4.0 (compatible; MSIE 5.0; Cisco PKI)', method: 'GET' },
    apple: { userAgent: 'profiled/1.0 CFNetwork/1410 Darwin/22' },
    jscep: { userAgent: 'Java/17.0.2', contentType: 'application/octet-stream' },
    micromdm: { userAgent: 'Go-http-client/1.1', contentType: 'application/octet-stream' },
    sscep: { transactionId: '0123456789ABCDEF0123456789ABCDEF' },
    strongswan: { transactionId: '0123456789ABCDEF0123456789ABCDEF01234567' },
    gatehouse: { userAgent: 'gatehouse' },
    unknown: { userAgent: 'curl/8' },
  } as const;
  for (const [family, row] of Object.entries(rows)) t.equal(clientFamilyOf({ ...marks, ...row }), family);
});
