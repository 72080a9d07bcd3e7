import { existsSync, readFileSync, rmSync } from 'node:fs';
import t from 'tap';
import { needs } from '../support/clients.js';
import { type CmpStand, openCmpStand, type StandProfile } from '../support/cmp-stand.js';
import type { Ran } from '../support/run.js';
import { type FirstRun, type ServerProcess, spawnServer } from '../support/server.js';

t.setTimeout(600_000);

/** One line of the table: a command as it is typed, and the messages that must go and come, with failInfo and exit code where it fails. */
interface Line {
  readonly purpose: string;
  readonly command: string;
  /** A pattern of what `seenIn` tells. */
  readonly expected: string;
  /** Why our own client does what this OpenSSL cannot. */
  readonly reason?: string;
  readonly profile?: keyof Profiles;
  readonly before?: (stand: CmpStand) => Promise<void>;
  readonly during?: (stand: CmpStand) => Promise<void>;
  /** What else must hold; the text says it when it does not. */
  readonly after?: (stand: CmpStand, ran: Ran) => Promise<string | undefined>;
}

interface Profiles {
  readonly demo: StandProfile;
  readonly manual: StandProfile;
  readonly vendor: StandProfile;
  readonly hasty: StandProfile;
  readonly full: StandProfile;
}

const mac = '-ref $REF -secret pass:$SECRET';
const signed = '-cert c.pem -key c.key -trusted $CA';
const own = '--url $URL --reference $REF --secret $SECRET';
const client35 = 'OpenSSL 3.0 has no such option (3.5 has)';
const client34 = 'OpenSSL 3.0 has no such option (3.4 has)';
const never = 'OpenSSL 3.0 cannot do it';

const enrolled = async (stand: CmpStand, name: string): Promise<string | undefined> => {
  const verified = await stand.bench.openssl('verify', '-CAfile', stand.server.firstRun.ca.file, name);
  return verified.code === 0 ? undefined : verified.output;
};
const verifies = (name: string) => (stand: CmpStand) => enrolled(stand, name);

const shows =
  (name: string, pattern: RegExp, ...options: readonly string[]) =>
  async (stand: CmpStand): Promise<string | undefined> => {
    const { stdout } = await stand.bench.openssl('x509', '-in', name, '-noout', ...options);
    return pattern.test(stdout) ? undefined : stdout;
  };

const contains =
  (pattern: RegExp) =>
  async (_: CmpStand, ran: Ran): Promise<string | undefined> =>
    pattern.test(ran.output) ? undefined : ran.output;

const lines: readonly Line[] = [
  {
    purpose: 'ir, PBM, explicit confirm',
    command: `-cmd ir ${mac} -newkey k.pem -subject /CN=d -certout o.pem -cacertsout ca.pem -extracertsout x.pem -chainout ch.pem`,
    expected: 'IR IP CERTCONF PKICONF',
    after: verifies('o.pem'),
  },
  {
    purpose: 'ir, PBM SHA-256',
    command: `-cmd ir ${mac} -digest sha256 -mac hmacWithSHA256 -newkey k.pem -subject /CN=d -certout o.pem`,
    expected: 'IR IP CERTCONF PKICONF',
    after: verifies('o.pem'),
  },
  {
    purpose: 'ir, implicit confirm',
    command: `-cmd ir ${mac} -implicit_confirm -newkey c.key -subject /CN=d -certout c.pem`,
    expected: 'IR IP',
    after: verifies('c.pem'),
  },
  {
    purpose: 'ir, vendor certificate',
    command: '-cmd ir -cert dev.pem -key dev.key -extracerts devchain.pem -trusted $CA -newkey k.pem -subject /CN=d -certout o.pem',
    expected: 'IR IP CERTCONF PKICONF',
    profile: 'vendor',
    after: verifies('o.pem'),
  },
  {
    purpose: 'cr',
    command: `-cmd cr ${signed} -untrusted $CA -newkey k.pem -subject /CN=d -certout o.pem`,
    expected: 'CR CP CERTCONF PKICONF',
    after: verifies('o.pem'),
  },
  { purpose: 'kur', command: `-cmd kur ${signed} -newkey k2.pem -certout k2.crt`, expected: 'KUR KUP CERTCONF PKICONF', after: verifies('k2.crt') },
  {
    purpose: 'p10cr',
    command: `-cmd p10cr -cert k2.crt -key k2.pem -trusted $CA -csr r.pem -certout o.pem`,
    expected: 'P10CR CP CERTCONF PKICONF',
    after: verifies('o.pem'),
  },
  {
    purpose: 'rr',
    command: '-cmd rr -cert k2.crt -key k2.pem -oldcert k2.crt -revreason 1 -trusted $CA',
    expected: 'RR RP',
    after: contains(/revocation accepted/),
  },
  { purpose: 'rr, twice', command: '-cmd rr -cert k2.crt -key k2.pem -oldcert k2.crt -revreason 1 -trusted $CA', expected: 'RR RP certRevoked exit 1' },
  {
    purpose: 'rr by serial',
    command: 'gatehouse cmp rr --verbose --url $URL --cert e.pem --cert-key e.key --trusted $CA --issuer $ISSUER --serial $SERIAL --reason superseded',
    expected: 'rr rp',
    reason: client34,
    before: (stand) => stand.enrol('e'),
    after: async (stand) => ((await stand.statusOf('e')) === 'revoked' ? undefined : 'not revoked'),
  },
  {
    purpose: 'genm',
    command: '-cmd genm -cert s.pem -key s.key -trusted $CA -infotype signKeyPairTypes',
    expected: 'GENM GENP',
    before: (stand) => stand.enrol('s'),
    after: contains(/genp contains ITAV of type: signKeyPairTypes|signKeyPairTypes/),
  },
  { purpose: 'genm, empty list', command: `-cmd genm ${mac}`, expected: 'GENM GENP' },
  {
    purpose: 'genm certReqTemplate',
    command: `gatehouse cmp genm --verbose ${own} --infotype certReqTemplate`,
    expected: 'genm genp',
    reason: client34,
    after: contains(/rsaKeyLen/),
  },
  {
    purpose: 'genm rootCaCert',
    command: `gatehouse cmp genm --verbose ${own} --infotype rootCaCert --root root.pem`,
    expected: 'genm genp',
    reason: 'OpenSSL 3.0 has no such option (3.6 has)',
    after: contains(/rootCaKeyUpdate/),
  },
  {
    purpose: 'genm crlStatusList',
    command: `gatehouse cmp genm --verbose ${own} --infotype crlStatusList --crl-issuer issuing.pem --out n.crl`,
    expected: 'genm genp',
    reason: 'OpenSSL 3.0 has no such option',
    after: contains(/crls: 1/),
  },
  {
    purpose: 'certProfile',
    command: `gatehouse enrol cmp --verbose ${own} --profile demo --subject CN=d --out profile`,
    expected: 'ir ip certConf pkiconf',
    reason: client34,
    after: verifies('profile.pem'),
  },
  {
    purpose: 'polling',
    command: `-cmd ir ${mac} -total_timeout 60 -newkey k.pem -subject /CN=matrix-polling -certout o.pem`,
    expected: 'IR IP POLLREQ (POLLREP POLLREQ )*IP CERTCONF PKICONF',
    profile: 'manual',
    during: (stand) => approve(stand, 'matrix-polling'),
    after: verifies('o.pem'),
  },
  {
    purpose: 'central keygen',
    command: `gatehouse enrol cmp --verbose ${own} --subject CN=d --central-key --out nk`,
    expected: 'ir ip certConf pkiconf',
    profile: 'full',
    reason: client35,
    after: verifies('nk.pem'),
  },
  { purpose: 'POP none', command: `-cmd ir ${mac} -popo -1 -newkey k.pem -subject /CN=d -certout never.pem`, expected: 'IR IP badPOP exit 1' },
  {
    purpose: 'POP raVerified, device',
    command: `-cmd ir ${mac} -popo 0 -newkey k.pem -subject /CN=d -certout never.pem`,
    expected: 'IR IP notAuthorized exit 1',
  },
  {
    purpose: 'POP raVerified, RA',
    command: '-cmd ir -cert ra.pem -key ra.key -trusted $CA -popo 0 -newkey k.pem -subject /CN=d -certout o.pem',
    expected: 'IR IP CERTCONF PKICONF',
    profile: 'full',
    after: verifies('o.pem'),
  },
  {
    purpose: 'POP signature',
    command: `-cmd ir ${mac} -popo 1 -newkey k.pem -subject /CN=d -certout o.pem`,
    expected: 'IR IP CERTCONF PKICONF',
    after: verifies('o.pem'),
  },
  { purpose: 'POP keyEnc', command: `-cmd ir ${mac} -popo 2 -newkey rsa.pem -subject /CN=d -certout never.pem`, expected: 'IR IP badPOP exit 1' },
  {
    purpose: 'POP keyEnc, served',
    command: `gatehouse enrol cmp --verbose ${own} --subject CN=d --key rsa.pem --possession encrCert --out enc`,
    expected: 'ir ip certConf pkiconf',
    profile: 'full',
    reason: 'OpenSSL 3.0 reads no certificate in EnvelopedData',
    after: verifies('enc.pem'),
  },
  {
    purpose: 'SAN, extensions, validity',
    command: `-config req.cnf -cmd ir ${mac} -newkey k.pem -subject /CN=d -reqexts wish -policy_oids 1.2.3 -days 30 -certout o.pem`,
    expected: 'IR IP CERTCONF PKICONF',
    after: shows('o.pem', /DNS:matrix\.example, IP Address:192\.0\.2\.9[\s\S]*will expire/, '-ext', 'subjectAltName', '-checkend', '2600000'),
  },
  {
    purpose: 'SAN by -sans',
    command: `-cmd ir ${mac} -newkey k.pem -subject /CN=d -sans dns1,1.2.3.4 -certout o.pem`,
    expected: 'IR IP CERTCONF PKICONF',
    after: shows('o.pem', /DNS:dns1, IP Address:1\.2\.3\.4/, '-ext', 'subjectAltName'),
  },
  {
    purpose: 'no confirm sent',
    command: `-cmd ir ${mac} -disable_confirm -newkey k.pem -subject /CN=matrix-silent -certout o.pem`,
    expected: 'IR IP',
    profile: 'hasty',
  },
  {
    purpose: 'unprotected request',
    command: `-cmd ir ${mac} -unprotected_requests -newkey k.pem -subject /CN=d -certout never.pem -unprotected_errors`,
    expected: 'IR ERROR badMessageCheck exit 1',
  },
  {
    purpose: 'error not verifiable',
    command: '-cmd ir -ref $REF -secret pass:wrong -newkey k.pem -subject /CN=d -certout never.pem',
    expected: 'IR ERROR (badMessageCheck )?exit 1',
  },
  {
    purpose: '-unprotected_errors',
    command: '-cmd ir -ref $REF -secret pass:wrong -unprotected_errors -newkey k.pem -subject /CN=d -certout never.pem',
    expected: 'IR ERROR badMessageCheck exit 1',
  },
  {
    purpose: 'raw capture',
    command: `-cmd ir ${mac} -implicit_confirm -newkey k.pem -subject /CN=matrix-replay -certout first.pem -reqout a.der -rspout b.der`,
    expected: 'IR IP',
    after: async (stand) => (existsSync(stand.bench.file('b.der')) ? enrolled(stand, 'first.pem') : 'no b.der'),
  },
  {
    purpose: 'replay (CMP-201)',
    command: `-cmd ir ${mac} -implicit_confirm -newkey k.pem -subject /CN=matrix-replay -certout again.pem -reqin a.der`,
    expected: 'IR IP',
    after: async (stand) => (stand.bench.read('again.pem') === stand.bench.read('first.pem') ? undefined : 'another certificate'),
  },
  {
    purpose: 'replay, new transactionID',
    command: `-cmd ir ${mac} -implicit_confirm -newkey k.pem -subject /CN=matrix-replay -certout third.pem -reqin a.der -reqin_new_tid`,
    expected: 'IR IP',
    after: async (stand) => (stand.bench.read('third.pem') === stand.bench.read('first.pem') ? 'the same certificate' : enrolled(stand, 'third.pem')),
  },
  {
    purpose: 'answers offline',
    command: `-cmd ir ${mac} -implicit_confirm -newkey k.pem -subject /CN=matrix-replay -certout offline.pem -reqin a.der -rspin b.der`,
    expected: 'IR IP',
    after: async (stand) => (stand.bench.read('offline.pem') === stand.bench.read('first.pem') ? undefined : 'another certificate'),
  },
  {
    purpose: 'random generalInfo',
    command: `-cmd ir ${mac} -geninfo 1.2.3.4:int:5 -newkey k.pem -subject /CN=d -certout o.pem`,
    expected: 'IR IP CERTCONF PKICONF',
    after: verifies('o.pem'),
  },
  {
    purpose: 'load',
    command: `-cmd ir ${mac} -repeat 50 -keep_alive 1 -newkey k.pem -subject /CN=d -certout o.pem`,
    expected: '(IR IP CERTCONF PKICONF ?){50}',
    after: verifies('o.pem'),
  },
  {
    purpose: 'keep-alive required',
    command: `-cmd ir ${mac} -keep_alive 2 -newkey k.pem -subject /CN=d -certout o.pem`,
    expected: 'IR IP CERTCONF PKICONF',
    after: verifies('o.pem'),
  },
  {
    purpose: '-ignore_keyusage',
    command: '-cmd cr -cert s.pem -key s.key -trusted $CA -ignore_keyusage -newkey k.pem -subject /CN=d -certout o.pem -extracertsout x.pem',
    expected: 'CR CP CERTCONF PKICONF',
  },
  {
    purpose: '-srvcert',
    command: '-cmd cr -cert s.pem -key s.key -srvcert x.pem -newkey k.pem -subject /CN=d -certout o.pem',
    expected: 'CR CP CERTCONF PKICONF',
    after: verifies('o.pem'),
  },
  {
    purpose: '-expect_sender',
    command: '-cmd cr -cert s.pem -key s.key -trusted $CA -expect_sender $SENDER -newkey k.pem -subject /CN=d -certout o.pem',
    expected: 'CR CP CERTCONF PKICONF',
  },
  {
    purpose: '-expect_sender, another',
    command: '-cmd cr -cert s.pem -key s.key -trusted $CA -expect_sender /CN=nobody -newkey k.pem -subject /CN=d -certout never.pem',
    expected: 'CR CP exit 1',
  },
  {
    purpose: 'PBMAC1',
    command: `gatehouse enrol cmp --verbose ${own} --mac pbmac1 --subject CN=d --out pbmac1`,
    expected: 'ir ip certConf pkiconf',
    reason: never,
    after: verifies('pbmac1.pem'),
  },
  {
    purpose: 'nested',
    command: `gatehouse enrol cmp --verbose ${own} --forward-cert ra.pem --forward-key ra.key --trusted $CA --subject CN=d --out nested`,
    expected: 'ir nested ip certConf nested pkiconf',
    profile: 'full',
    reason: never,
    after: verifies('nested.pem'),
  },
];

/** An administrator decides, once the order is there. */
async function approve(stand: CmpStand, name: string): Promise<void> {
  for (let tries = 0; tries < 120; tries += 1) {
    const { items } = await stand.api<{ items: readonly { id: string; state: string }[] }>('GET', `/orders?q=${name}`);
    const waiting = items.find(({ state }) => state === 'AWAITING_APPROVAL');
    if (waiting !== undefined) return stand.api('POST', `/orders/${waiting.id}/approve`, {});
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Error(`No order for ${name} came.`);
}

/** Messages in their order, failInfo where there is one, and an exit code that is not 0. */
function seenIn(ran: Ran): string {
  const messages = [...ran.output.matchAll(/CMP info: (?:sending|received) ([A-Z][A-Z0-9]*)$|^(?:sending|received) (\w+)$/gm)].map(
    (match) => match[1] ?? match[2],
  );
  const [, failInfo] = /PKIFailureInfo: (\w+)|Refused: (\w+)/.exec(ran.output) ?? [];
  return [...messages, ...(failInfo === undefined ? [] : [failInfo]), ...(ran.code === 0 ? [] : [`exit ${ran.code}`])].join(' ');
}

/** Runs of the same four messages are told once with their number. */
function inShort(text: string): string {
  return text.replace(/^((?:\w+ ){3}\w+)(?: \1)+/, (whole, once: string) => `${(whole.length + 1) / (once.length + 1)} x (${once})`);
}

t.test('the openssl cmp matrix: command, expected, seen', needs('openssl'), async (t) => {
  const stand = await openCmpStand({ GATEHOUSE_PROCESSES: '1' });
  t.teardown(() => stand.close());
  const { bench, server } = stand;
  const profiles = await prepare(stand);
  const table: (readonly [string, string, string, string])[] = [];

  const text = async (...args: readonly string[]) => (await bench.openssl(...args)).stdout.trim().replace(/^\w+=/, '');
  const variables = async ({ url, reference, secret }: StandProfile, command: string): Promise<Readonly<Record<string, string>>> => ({
    $REF: reference,
    $SECRET: secret,
    $URL: url,
    $CA: server.firstRun.ca.file,
    ...(command.includes('$ISSUER') && { $ISSUER: await text('x509', '-in', 'e.pem', '-noout', '-issuer', '-nameopt', 'RFC2253') }),
    ...(command.includes('$SERIAL') && { $SERIAL: await text('x509', '-in', 'e.pem', '-noout', '-serial') }),
    ...(command.includes('$SENDER') && { $SENDER: await text('x509', '-in', 'x.pem', '-noout', '-subject', '-nameopt', 'compat') }),
  });

  for (const line of lines) {
    await t.test(`CMP-084 ${line.purpose}`, async (t) => {
      await line.before?.(stand);
      const profile = profiles[line.profile ?? 'demo'];
      const values = await variables(profile, line.command);
      const words = line.command.split(' ').map((word) => word.replace(/\$[A-Z]+/g, (name) => values[name] ?? name));
      const [first, ...others] = words;
      const running = first === 'gatehouse' ? stand.gatehouse(...others) : stand.openssl(profile, ...words);
      await line.during?.(stand);
      const ran = await running;
      const seen = seenIn(ran);
      table.push([line.purpose, line.command, line.expected, `${inShort(seen)}${line.reason === undefined ? '' : ` (by our client: ${line.reason})`}`]);
      t.match(seen, new RegExp(`^${line.expected}$`), ran.output);
      if (line.after !== undefined) t.equal(await line.after(stand, ran), undefined, `${line.purpose}: what it must lead to`);
    });
  }

  await t.test('CMP-129 what nobody confirmed in time is revoked', async (t) => {
    let status = await stand.statusOf('matrix-silent');
    for (let tries = 0; tries < 240 && status !== 'revoked'; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 250));
      status = await stand.statusOf('matrix-silent');
    }
    t.equal(status, 'revoked');
    const row = table.findIndex(([purpose]) => purpose === 'no confirm sent');
    const [purpose, command, expected, seen] = table[row] ?? ['', '', '', ''];
    table[row] = [purpose, command, `${expected}; then revoked`, `${seen}; then ${status}`];
  });

  await t.test('CMP-018 TLS', async (t) => {
    const ran = await overTls(stand);
    table.push([
      'TLS',
      `-server https://... -tls_used -tls_trusted tls.pem -cmd ir ${mac} -newkey k.pem -subject /CN=d -certout o.pem`,
      'IR IP CERTCONF PKICONF',
      seenIn(ran),
    ]);
    t.equal(seenIn(ran), 'IR IP CERTCONF PKICONF', ran.output);
  });

  t.comment('| openssl cmp (or our client) | command | expected | seen |');
  for (const row of table) t.comment(`| ${row.join(' | ')} |`);
});

async function prepare(stand: CmpStand): Promise<Profiles> {
  const { bench, demo } = stand;
  const must = async (...args: readonly string[]): Promise<void> => {
    const ran = await bench.openssl(...args);
    if (ran.code !== 0) throw new Error(ran.output);
  };
  for (const name of ['k.pem', 'k2.pem', 'c.key', 'dev-ca.key', 'dev.key']) await bench.key(name);
  await bench.key('rsa.pem', 'RSA-2048');
  await bench.csr('r.pem', 'k.pem', '/CN=d');
  bench.write('req.cnf', '[cmp]\n[wish]\nsubjectAltName=DNS:matrix.example,IP:192.0.2.9\n');
  await must('req', '-x509', '-new', '-key', 'dev-ca.key', '-subj', '/CN=Vendor Root', '-days', '30', '-out', 'devchain.pem');
  await bench.csr('dev.csr', 'dev.key', '/O=Vendor/serialNumber=4711');
  await must('x509', '-req', '-in', 'dev.csr', '-CA', 'devchain.pem', '-CAkey', 'dev-ca.key', '-CAcreateserial', '-days', '30', '-out', 'dev.pem');
  const certificates = readFileSync(stand.server.firstRun.ca.file, 'utf8').split(/(?<=-----END CERTIFICATE-----\n)/);
  bench.write('issuing.pem', certificates[0] ?? '');
  bench.write('root.pem', certificates[1] ?? '');
  const registrationAuthorities = [{ certificate: await stand.registrationAuthority(), rights: ['nest', 'enrol', 'raVerified'] }];
  const centralKeys = { serve: true, withoutTls: true };
  const vendor = await stand.profile('Vendor', { cmp: { trustAnchors: [bench.read('devchain.pem')] } });
  await stand.api('POST', `/cmp-profiles/${vendor.id}/vendor-devices`, { subject: 'serialNumber=4711,O=Vendor', uses: 5 });
  return {
    demo,
    vendor,
    manual: await stand.profile('By hand', { approval: { mode: 'manual' } }),
    hasty: await stand.profile('Hasty', { cmp: { confirmWaitSeconds: 10 } }),
    full: await stand.profile('Everything', { cmp: { registrationAuthorities, centralKeys, possession: { encryptedCertificate: true } } }),
  };
}

/** A server of its own, whose device listener speaks TLS. */
async function overTls({ bench }: CmpStand): Promise<Ran> {
  await bench.key('tls.key');
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
  await bench.openssl('req', '-x509', '-new', '-key', 'tls.key', ...names, '-days', '30', '-out', 'tls.pem');
  const env = { GATEHOUSE_PROCESSES: '1', GATEHOUSE_TLS_CERT_FILE: bench.file('tls.pem'), GATEHOUSE_TLS_KEY_FILE: bench.file('tls.key') };
  const server = await spawnServer({ env });
  try {
    const { server: host, path, reference, secret, recipient } = await firstRunOf(server);
    const to = ['-server', `https://${host}`, '-path', path, '-tls_used', '-tls_trusted', 'tls.pem', '-recipient', recipient];
    const request = ['-cmd', 'ir', '-ref', reference, '-secret', `pass:${secret}`, '-newkey', 'k.pem', '-subject', '/CN=d', '-certout', 'o.pem'];
    return await bench.openssl('cmp', '-config', '', '-batch', ...to, ...request);
  } finally {
    await server.stop();
    rmSync(server.dataDir, { recursive: true, force: true });
  }
}

async function firstRunOf({ adminUrl, dataDir }: ServerProcess): Promise<FirstRun['cmp']> {
  for (let tries = 0; tries < 600; tries += 1) {
    const isReady = await fetch(`${adminUrl}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isReady) return (JSON.parse(readFileSync(`${dataDir}/first-run.json`, 'utf8')) as FirstRun).cmp;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('The server did not become ready.');
}
