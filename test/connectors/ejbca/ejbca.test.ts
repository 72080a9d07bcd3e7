import { createHash, generateKeyPairSync } from 'node:crypto';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { createAddressGuard } from '../../../src/connectors/address-guard.js';
import {
  checkEjbcaConfig,
  createEjbcaIssuer,
  type EjbcaFaultCode,
  ejbcaFaults,
  listEjbcaChoices,
  testEjbcaConnector,
} from '../../../src/connectors/ejbca/index.js';
import { type UsernameRule, usernameFor } from '../../../src/connectors/ejbca/username.js';
import type { CertificateRequest, Issuer } from '../../../src/enrolment/ports.js';
import { buildName, createSigner, dnsName, nameFromText, nameToText, parseCrl, publicKeyOf, serialHex, signCsr } from '../../../src/pkix/index.js';
import { oids } from '../../../src/protocol/der/index.js';
import { uuidv7 } from '../../../src/runtime/ids.js';
import { ejbcaConfigSchema } from '../../../src/tenancy/ejbca-config.js';
import { type FakeEjbca, startFakeEjbca } from '../../support/ejbca/index.js';
import { ejbcaConfig, ejbcaIssuer, ejbcaSecrets } from '../../support/ejbca/issuer.js';
import { certificateOf, issuedBy, newRef, requestFor } from '../../support/ejbca/requests.js';
import type { Rule, Settings } from '../../support/ejbca/state.js';

t.setTimeout(240_000);
const fake: FakeEjbca = await startFakeEjbca();
t.teardown(() => fake.stop());
t.beforeEach(() => fake.reset());

const certificatesOf = async (username: string) => (await fake.issued()).filter((item) => item.username === username);

function must<T>(result: { ok: true; value: T } | { ok: false; error: unknown }): T {
  if (!result.ok) throw new Error(String(result.error));
  return result.value;
}

/** A name in wire order, with a key and PKCS#10. */
function named(text: string, sans = [dnsName('device.example')]): CertificateRequest {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicKey = publicKeyOf(privateKey);
  const subject = must(nameFromText(text));
  const base = requestFor('unused', false, sans);
  return { ...base, publicKey: publicKey.spki, subject: subject.der, pkcs10: signCsr({ subject, extensions: [] }, createSigner(privateKey, publicKey)) };
}

interface Row {
  readonly signal: string;
  readonly code: EjbcaFaultCode;
  readonly settings?: Partial<Settings>;
  readonly rule?: Omit<Rule, 'call'>;
  readonly fields?: Record<string, unknown>;
  readonly request?: () => CertificateRequest;
  readonly client?: 'unknown' | 'expired';
  readonly url?: 'open';
}

const says = (status: number, text: string) => ({ rule: { status, body: { error_code: status, error_message: text } } });

/** Every row of the error map: what EJBCA or the way to it does, and what becomes of the order. */
const errorMap: readonly Row[] = [
  { signal: 'a port that asks for no client certificate', code: 'ra-certificate-missing', url: 'open' },
  { signal: '403 without a certificate', code: 'ra-certificate-missing', ...says(403, 'Authentication failed: no client certificate or OAuth token') },
  { signal: '403, the role lacks /administrator', code: 'ra-not-authorized', settings: { isAdministrator: false } },
  { signal: '403, the role lacks the CA', code: 'ra-not-authorized', ...says(403, 'Administrator not authorized to resource /ca/-1234') },
  {
    signal: '403, the role lacks the end entity profile',
    code: 'ra-not-authorized',
    ...says(403, 'Not authorized to resource /endentityprofilesrules/7/create_end_entity'),
  },
  { signal: '403 in HTML, the protocol is off', code: 'rest-disabled', settings: { restV1: false } },
  { signal: '404 of RESTEASY', code: 'unsupported-by-ca', ...says(404, 'RESTEASY003210: Could not find resource for full path') },
  { signal: '400, no such CA', code: 'misconfigured', fields: { caName: 'NoCA' } },
  { signal: '400, no such end entity profile', code: 'misconfigured', fields: { endEntityProfile: 'Nobodies' } },
  { signal: '400, no such certificate profile', code: 'misconfigured', fields: { certificateProfile: 'Nothing' } },
  { signal: '400, the subject does not fit', code: 'policy-violation', request: () => named('O=Acme', []) },
  {
    signal: '400, a field is no part of the profile',
    code: 'policy-violation',
    ...says(400, "Subject Alternative Name field 'UNIFORMRESOURCEIDENTIFIER' is not a part of the end entity profile."),
  },
  { signal: '400, a field is missing', code: 'policy-violation', ...says(400, 'Subject DN field ORGANIZATION must exist.') },
  { signal: '400, same key', code: 'duplicate-key', ...says(400, "User 'x' is not allowed to use same key as another user is using.") },
  { signal: '409, same key (newer versions)', code: 'duplicate-key', ...says(409, 'The key has been used before.') },
  { signal: '400, same subject', code: 'duplicate-subject', ...says(400, "User 'x' is not allowed to use same subject DN as the user(s) 'y' is/are using.") },
  { signal: '400, CA not active', code: 'ca-offline', settings: { isCaActive: false } },
  { signal: '400, token off-line', code: 'ca-offline', settings: { hasToken: false } },
  { signal: '503, HSM away', code: 'ca-offline', ...says(503, 'Device was unavailable.') },
  {
    signal: '400, state of the end entity, twice',
    code: 'ee-state',
    rule: { ...says(400, 'Got request with status GENERATED (40), NEW, FAILED or INPROCESS required: x.').rule, times: 2 },
  },
  { signal: '400, wrong password of the end entity, twice', code: 'ee-state', rule: { ...says(400, 'Got wrong password for end entity').rule, times: 2 } },
  { signal: '400, approvals on', code: 'approval-not-supported', settings: { hasApprovals: true } },
  { signal: '413', code: 'too-large', rule: { status: 413, body: 'Request Entity Too Large' } },
  { signal: '422', code: 'illegal-value', ...says(422, 'Validity is beyond what is possible.') },
  { signal: '429 of a proxy', code: 'busy', rule: { status: 429, body: 'slow down' } },
  { signal: '302 of a portal', code: 'not-ejbca', rule: { status: 302, body: 'see other' } },
  { signal: '400 in HTML of a proxy', code: 'not-ejbca', rule: { status: 400, body: '<html>Bad Request</html>' } },
  { signal: '400 with words that nobody knows', code: 'refused', ...says(400, 'Something new is wrong.') },
  { signal: '500, general failure', code: 'internal', ...says(500, 'General failure.') },
  { signal: '502 of a gateway', code: 'internal', rule: { status: 502, body: '<html>Bad Gateway</html>' } },
  { signal: '503 of a proxy, which does not say whether EJBCA was asked', code: 'internal', rule: { status: 503, body: '<html>try later</html>' } },
];

/** What a device is told of a refusal, beyond that there was one. */
const toldDevices: Partial<Record<EjbcaFaultCode, string>> = {
  'policy-violation': 'ca-policy',
  'illegal-value': 'ca-policy',
  'duplicate-key': 'ca-duplicate',
  'duplicate-subject': 'ca-duplicate',
};

t.test('the error map: each signal becomes what it means for the order, in words that say what to do', async (t) => {
  for (const row of errorMap) {
    await t.test(`${row.signal}: ${row.code}`, async (t) => {
      await fake.reset();
      if (row.settings !== undefined) await fake.set(row.settings);
      if (row.rule !== undefined) await fake.rules({ call: 'pkcs10enroll', ...row.rule });
      const config = ejbcaConfig(fake, { ...row.fields, ...(row.url === 'open' && { connectorUrl: fake.openUrl }) });
      const issuer = createEjbcaIssuer(config, ejbcaSecrets(fake), {});
      const answer = await issuer.issue(newRef(), row.request?.() ?? requestFor('device'));
      const { verdict, says } = ejbcaFaults[row.code];
      t.equal(answer.kind, verdict);
      const refusal = verdict === 'refused' ? toldDevices[row.code] : undefined;
      t.equal('code' in answer ? answer.code : undefined, refusal, 'what the device is told');
      t.ok('reason' in answer && answer.reason.startsWith(says), JSON.stringify(answer));
      t.strictSame(await fake.issued(), [], 'nothing was issued');
    });
  }
});

/** Records of TLS that a server sends in the handshake, by the alert in them (RFC 8446 section 6). */
const refusedInTls = [
  ['bad certificate', 42],
  ['certificate revoked', 44],
  ['certificate expired', 45],
  ['certificate unknown', 46],
  ['unknown CA', 48],
  ['access denied', 49],
  ['a connection cut in the handshake', undefined],
] as const;

/** A port that takes connections and answers the first bytes with `answer`; nothing where there is none, and hangs up. */
async function port(t: Test, answer: 'silent' | number | undefined): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', () => {
      if (answer === 'silent') return;
      socket.end(answer === undefined ? Buffer.alloc(0) : Buffer.from([21, 3, 3, 0, 2, 2, answer]));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

t.test('the error map: what TLS says of our client certificate means that nothing was sent, and which certificate is meant', async (t) => {
  for (const [signal, alert] of refusedInTls) {
    await t.test(`${signal}: ra-certificate-rejected`, async (t) => {
      const answer = await ejbcaIssuer(fake, { connectorUrl: await port(t, alert) }).issue(newRef(), requestFor('device'));
      t.equal(answer.kind, 'notSent');
      t.ok('reason' in answer && answer.reason.startsWith(ejbcaFaults['ra-certificate-rejected'].says), JSON.stringify(answer));
    });
  }
  await t.test('an alert that is about something else is not laid to the certificate', async (t) => {
    const answer = await ejbcaIssuer(fake, { connectorUrl: await port(t, 70) }).issue(newRef(), requestFor('device'));
    t.match(answer, { kind: 'notSent', reason: /ALERT_PROTOCOL_VERSION/ });
    t.notMatch(answer, { reason: /client certificate/ });
  });
});

t.test('a client certificate that the server does not take', async (t) => {
  for (const client of ['unknown', 'expired'] as const) {
    const issuer = createEjbcaIssuer(ejbcaConfig(fake), ejbcaSecrets(fake, client), {});
    const answer = await issuer.issue(newRef(), requestFor('device'));
    t.ok(answer.kind === 'notSent' || answer.kind === 'uncertain', `${client}: nothing is final`);
  }
  const without = createEjbcaIssuer(ejbcaConfig(fake), {}, {});
  const answer = await without.issue(newRef(), requestFor('device'));
  t.match(answer, { kind: 'notSent', reason: /No client certificate is set/ });
});

t.test('the way to EJBCA', async (t) => {
  t.match(await ejbcaIssuer(fake, { connectorUrl: 'https://127.0.0.1:1' }).issue(newRef(), requestFor('device')), {
    kind: 'notSent',
    reason: /nothing listens/,
  });
  const trusting = ejbcaIssuer(fake, { trustedCa: fake.rootCa });
  t.match(await trusting.issue(newRef(), requestFor('device')), { kind: 'notSent', reason: /chains to no trusted CA/ });
  const guarded = createEjbcaIssuer(ejbcaConfig(fake), ejbcaSecrets(fake), { guard: createAddressGuard(['ca.example'], false) });
  t.match(await guarded.issue(newRef(), requestFor('device')), { kind: 'notSent', reason: /GATEHOUSE_CONNECTOR_ALLOW/ });
  t.strictSame(await fake.calls(), {}, 'nobody was asked');
});

t.test('an answer that never comes whole leaves the outcome open, and the look-up finds what was issued (F7, F8, F9, F10, F12)', async (t) => {
  const cases: readonly Omit<Rule, 'call'>[] = [
    { after: 'hang' },
    { after: 'cut' },
    { after: 'truncate' },
    { after: 'flood' },
    { after: 'status' },
    { lateMs: 700 },
  ];
  for (const [index, rule] of cases.entries()) {
    const issuer = ejbcaIssuer(fake, { timeoutMs: 500 });
    await fake.rules({ call: 'pkcs10enroll', ...rule });
    const [ref, request] = [newRef(), requestFor(`lost-${index}`)];
    t.match(await issuer.issue(ref, request), { kind: 'uncertain' }, JSON.stringify(rule));
    if (rule.lateMs !== undefined) {
      t.strictSame(await issuer.lookup(ref, request.publicKey, null, request), { kind: 'none' }, 'not issued yet; the quarantine is not over either');
      await sleep(600);
    }
    const found = await issuer.lookup(ref, request.publicKey, null, request);
    t.ok(found.kind === 'found' && certificateOf(found.certificate).publicKey.spki.equals(request.publicKey), JSON.stringify(rule));
  }
  t.equal((await fake.issued()).length, cases.length, 'nothing was issued twice');
});

t.test('a call that certainly did nothing may be made again', async (t) => {
  await fake.rules({ call: 'pkcs10enroll', instead: 'cut' });
  const issuer = ejbcaIssuer(fake);
  const [ref, request] = [newRef(), requestFor('again')];
  t.match(await issuer.issue(ref, request), { kind: 'uncertain' });
  t.strictSame(await issuer.lookup(ref, request.publicKey, null, request), { kind: 'none' });
  await issuedBy(issuer, ref, request);
  t.equal((await fake.issued()).length, 1);
});

t.test('the look-up', async (t) => {
  t.test('adopts no certificate of an earlier order, and of several the newest', async (t) => {
    const issuer = ejbcaIssuer(fake);
    const request = requestFor('same-key');
    await issuedBy(issuer, newRef(), request);
    const second = await issuedBy(issuer, newRef(), request);
    const found = await issuer.lookup(newRef(), request.publicKey, null, request);
    t.ok(found.kind === 'found' && found.certificate.equals(second));
    t.match(await issuer.lookup(newRef(Date.now() + 3_600_000), request.publicKey, null, request), { kind: 'none' }, 'an order of an hour later');
  });

  t.test('says nothing while the search hides what EJBCA has issued', async (t) => {
    const issuer = ejbcaIssuer(fake);
    await issuedBy(issuer, newRef(), requestFor('witness'));
    await fake.set({ searchLagMs: 60_000 });
    const request = requestFor('other');
    t.match(await issuer.lookup(newRef(), request.publicKey, null, request), { kind: 'unknown', reason: /does not show yet/ });
    await fake.set({ searchLagMs: 0 });
    t.strictSame(await issuer.lookup(newRef(), request.publicKey, null, request), { kind: 'none' });
  });

  t.test('asks version 1, then the web service, where version 2 is off', async (t) => {
    const issuer = ejbcaIssuer(fake);
    const [ref, request] = [newRef(), requestFor('old-search')];
    const certificate = await issuedBy(issuer, ref, request);
    await fake.set({ restV2: false });
    const byV1 = await issuer.lookup(ref, request.publicKey, null, request);
    t.ok(byV1.kind === 'found' && byV1.certificate.equals(certificate));
    await fake.set({ restV1: false });
    const bySoap = await issuer.lookup(ref, request.publicKey, null, request);
    t.ok(bySoap.kind === 'found' && bySoap.certificate.equals(certificate));
    await fake.set({ webService: false });
    t.match(await issuer.lookup(ref, request.publicKey, null, request), { kind: 'unknown', reason: /switched off/ });
  });

  t.test('fails in words where EJBCA does not answer, or the request is not known', async (t) => {
    const issuer = ejbcaIssuer(fake, { timeoutMs: 300 });
    const request = requestFor('unknown');
    await fake.rules({ call: 'search', instead: 'hang' });
    t.match(await issuer.lookup(newRef(), request.publicKey, null, request), { kind: 'unknown', reason: /did not answer in time/ });
    t.match(await issuer.lookup(newRef(), request.publicKey, null), { kind: 'unknown' });
  });
});

t.test('one end entity for one device identity', async (t) => {
  t.test('a renewal stays with it, whatever key it has', async (t) => {
    const issuer = ejbcaIssuer(fake);
    const first = await issuedBy(issuer, newRef(), requestFor('device-1'));
    await issuedBy(issuer, newRef(), { ...requestFor('device-1'), renews: first });
    const names = new Set((await fake.issued()).map(({ username }) => username));
    t.equal(names.size, 1);
    t.match([...names][0], /^gh-[0-9a-f]{40}$/);
  });

  t.test('a certificate that EJBCA issued before Gatehouse is renewed under the name that it has there', async (t) => {
    const old = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'der', type: 'spki' });
    const renews = await fake.seed({ username: 'router-17 (office)', subject: 'CN=router-17,O=Acme', publicKey: old });
    const request = { ...named('/O=Acme/CN=router-17', []), renews };
    const [ref, issuer] = [newRef(), ejbcaIssuer(fake)];
    const certificate = await issuedBy(issuer, ref, request);
    t.strictSame((await certificatesOf('router-17 (office)')).length, 2);
    const found = await issuer.lookup(ref, request.publicKey, null, request);
    t.ok(found.kind === 'found' && found.certificate.equals(certificate), 'also where the answer was lost');
  });

  t.test('without the old certificate the CA may refuse its subject under another name', async (t) => {
    const old = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'der', type: 'spki' });
    await fake.seed({ username: 'by-hand', subject: 'CN=router-18', publicKey: old });
    t.match(await ejbcaIssuer(fake).issue(newRef(), named('/CN=router-18', [])), { kind: 'refused', reason: /subject already belongs/ });
  });

  t.test('where the search does not answer, a renewal waits', async (t) => {
    const issuer = ejbcaIssuer(fake);
    const renews = await issuedBy(issuer, newRef(), requestFor('device-2'));
    await fake.rules({ call: 'search', status: 500, body: { error_code: 500, error_message: 'General failure.' } });
    t.match(await issuer.issue(newRef(), { ...requestFor('device-2'), renews }), { kind: 'notSent' });
  });

  t.test('the scheme of an alias can be reproduced', async (t) => {
    const rule: UsernameRule = { usernameScheme: 'dn', usernameParts: ['UID', 'CN'], usernamePrefix: 'scep-', usernamePostfix: '-x' };
    const of = (subject: string, more: Partial<UsernameRule> = {}) =>
      usernameFor(newRef(), { ...requestFor('unused'), subject: must(nameFromText(subject)).der }, { ...rule, ...more });
    t.equal(of('/O=Acme/CN=router 1'), 'scep-router 1-x');
    t.equal(of('/UID=u1/CN=router'), 'scep-u1-x', 'the first part that is there');
    t.equal(of('/C=SE/O=Acme\\, Inc/CN=a', { usernameParts: ['entireDN'], usernamePrefix: '', usernamePostfix: '' }), 'CN=a,O=Acme\\, Inc,C=SE');
    t.equal(of('/serialNumber=42/CN=a', { usernameParts: ['SN'] }), 'scep-42-x', "EJBCA's SN is a serial number");
    t.match(of('/O=Acme'), /^scep-gh-[0-9a-f]{40}-x$/, 'a digest where the subject has none of them');
    await issuedBy(ejbcaIssuer(fake, rule), newRef(), requestFor('router-9'));
    t.equal((await certificatesOf('scep-router-9-x')).length, 1);
    t.throws(() => ejbcaConfig(fake, { usernamePrefix: `\${RANDOM}` }), /placeholder/, 'a name that is new each time is no name');
  });

  t.test('names differ by tenant, subject and alternative names, and by key where there is no name', async (t) => {
    const rule: UsernameRule = { usernameScheme: 'identity', usernameParts: ['CN'], usernamePrefix: '', usernamePostfix: '' };
    const [one, ref] = [requestFor('a'), newRef()];
    const base = usernameFor(ref, one, rule);
    t.equal(usernameFor(newRef(), { ...one, publicKey: requestFor('a').publicKey }, rule), base, 'neither order nor key count');
    t.not(usernameFor(`${uuidv7()}-${uuidv7()}`, one, rule), base, 'tenant');
    t.not(usernameFor(ref, requestFor('b'), rule), base, 'subject');
    t.not(usernameFor(ref, { ...one, sans: [dnsName('b.example').der] }, rule), base, 'alternative name');
    const empty = { ...one, subject: buildName([]).der, sans: [] };
    t.not(usernameFor(ref, empty, rule), usernameFor(ref, { ...empty, publicKey: requestFor('a').publicKey }, rule), 'nameless');
  });

  t.test('one call at a time under one name, and once more when EJBCA saw another', async (t) => {
    const issuer = ejbcaIssuer(fake);
    await fake.rules({ call: 'pkcs10enroll', times: 2, latencyMs: 150 });
    const [a, b] = [requestFor('busy'), requestFor('busy')];
    const both = await Promise.all([issuer.issue(newRef(), a), issuer.issue(newRef(), b)]);
    t.strictSame(
      both.map(({ kind }) => kind),
      ['issued', 'issued'],
    );
    await fake.rules({ call: 'pkcs10enroll', status: 400, body: { error_code: 400, error_message: 'Got request with status GENERATED (40), NEW required.' } });
    await issuedBy(issuer, newRef(), requestFor('raced'));
  });
});

t.test('requests whose names EJBCA must not take from a PKCS#10 go to the web service', async (t) => {
  t.test('with the names that were granted', async (t) => {
    const request = { ...requestFor('granted', false, [dnsName('a.example')]), pkcs10: requestFor('asked').pkcs10 as Buffer };
    const certificate = certificateOf(await issuedBy(ejbcaIssuer(fake), newRef(), request));
    t.equal(nameToText(certificate.subject), 'CN=granted');
    t.strictSame(await fake.calls(), { 'soap:certificateRequest': 1 });
  });

  t.test('characters that mean something in XML or in a DN arrive as they are', async (t) => {
    const subject = buildName([
      [oids.organizationName, 'Acme, Inc. <"&"> = \\ +'],
      [oids.commonName, 'a;b'],
    ]);
    const request = { ...requestFor('unused', false, [dnsName('a.example')]), subject: subject.der };
    const issuer = ejbcaIssuer(fake, { endEntityProfile: 'Servers & more' });
    t.ok(certificateOf(await issuedBy(issuer, newRef(), request)).subject.der.equals(subject.der));
  });

  t.test('where it is off they are refused before anything is promised, and others are not', async (t) => {
    await fake.set({ webService: false });
    const issuer = ejbcaIssuer(fake);
    t.match(await issuer.accepts?.(requestFor('crmf', false)), { ok: false, error: /web service, which is off/ });
    t.strictSame(await issuer.accepts?.(requestFor('pkcs10')), { ok: true, value: true });
    t.match(await issuer.issue(newRef(), requestFor('crmf', false)), { kind: 'notSent' }, 'switched off later: the order waits');
  });

  t.test('a web service that does not answer is no reason to refuse', async (t) => {
    await fake.rules({ call: 'soap:getEjbcaVersion', instead: 'hang' });
    t.strictSame(await ejbcaIssuer(fake, { timeoutMs: 300 }).accepts?.(requestFor('crmf', false)), { ok: true, value: true });
  });

  t.test('its faults mean what the same words mean over REST', async (t) => {
    const cases: readonly (readonly [Partial<Settings>, EjbcaFaultCode, Record<string, unknown>?])[] = [
      [{ isAdministrator: false }, 'ra-not-authorized'],
      [{ isCaActive: false }, 'ca-offline'],
      [{ hasApprovals: true }, 'approval-not-supported'],
      [{ forbiddenFields: ['DNSNAME'] }, 'policy-violation'],
      [{}, 'misconfigured', { caName: 'NoCA' }],
    ];
    for (const [settings, code, fields] of cases) {
      await fake.reset();
      await fake.set(settings);
      const answer = await ejbcaIssuer(fake, fields).issue(newRef(), requestFor('crmf', false));
      t.equal(answer.kind, ejbcaFaults[code].verdict, code);
      t.ok('reason' in answer && answer.reason.startsWith(ejbcaFaults[code].says), JSON.stringify(answer));
    }
    await fake.reset();
    const broken = '<S:Envelope xmlns:S="x"><S:Body><S:Fault><faultstring>java.lang.NullPointerException</faultstring></S:Fault></S:Body></S:Envelope>';
    await fake.rules({ call: 'soap:certificateRequest', status: 500, body: broken });
    t.match(await ejbcaIssuer(fake).issue(newRef(), requestFor('crmf', false)), { kind: 'uncertain' }, 'a fault alone does not say that nothing was issued');
  });

  t.test('an alternative name that EJBCA has no word for is refused', async (t) => {
    const registered = { type: 'registeredId', text: '', der: Buffer.from('8803550403', 'hex') } as const;
    t.match(await ejbcaIssuer(fake).issue(newRef(), requestFor('odd', false, [registered])), { kind: 'refused', reason: /registeredId/ });
  });
});

t.test('what comes back is held against what can be told here: it must be a certificate, and of the CA beside it (F11)', async (t) => {
  for (const wrong of ['garbage', 'issuer'] as const) {
    await fake.rules({ call: 'pkcs10enroll', wrong });
    t.match(await ejbcaIssuer(fake).issue(newRef(), requestFor(`wrong-${wrong}`)), { kind: 'uncertain' }, wrong);
  }
  const notJson = { call: 'pkcs10enroll', status: 201, body: 'Created' };
  await fake.rules(notJson);
  t.match(await ejbcaIssuer(fake).issue(newRef(), requestFor('no-json')), { kind: 'uncertain' });
});

t.test('revocation', async (t) => {
  const revokedAs = async (certificate: Buffer) => (await fake.issued()).find(({ der }) => der === certificate.toString('base64'))?.reason;

  t.test('each reason by its own name', async (t) => {
    const issuer = ejbcaIssuer(fake);
    for (const reason of [0, 1, 2, 3, 4, 5, 6, 9, 10]) {
      const certificate = await issuedBy(issuer, newRef(), requestFor(`reason-${reason}`));
      t.strictSame(await issuer.revoke(certificate, reason), { ok: true, value: true });
      t.equal(await revokedAs(certificate), reason);
    }
  });

  t.test('the name of the CA is found also where the search tells nothing', async (t) => {
    const issuer = ejbcaIssuer(fake);
    const certificate = await issuedBy(issuer, newRef(), requestFor('unseen'));
    await fake.set({ isSearchBlind: true });
    t.strictSame(await issuer.revoke(certificate, 1), { ok: true, value: true });
    t.strictSame(await issuer.revoke(certificate, 1), { ok: true, value: true }, '409: its status decides');
    t.match(await issuer.revoke(certificate, 8), { ok: false, error: /revoked/, final: true }, 'what is revoked for good cannot be released');
  });

  t.test('waits while EJBCA lets its own approvers decide, and says so', async (t) => {
    const issuer = ejbcaIssuer(fake);
    const certificate = await issuedBy(issuer, newRef(), requestFor('approved'));
    await fake.set({ revocationApprovals: true });
    t.match(await issuer.revoke(certificate, 1), { ok: false, error: /waits for approval/, final: undefined });
    t.equal(await revokedAs(certificate), undefined);
  });

  t.test('fails in words', async (t) => {
    const issuer = ejbcaIssuer(fake);
    const certificate = await issuedBy(issuer, newRef(), requestFor('stays'));
    await fake.set({ isAdministrator: false });
    t.match(await issuer.revoke(certificate, 1), { ok: false, error: /lacks a right/, final: undefined }, 'a right can be given');
    await fake.reset();
    t.match(await issuer.revoke(certificate, 1), { ok: false, error: /was not found/, final: true }, 'EJBCA does not know it');
    t.match(await issuer.revoke(Buffer.from('x'), 1), { ok: false, error: /malformed/, final: true });
  });
});

t.test('chain and revocation list', async (t) => {
  const heard = async (issuer: Issuer) => {
    const chain = (await issuer.chain()).map((der) => nameToText(certificateOf(der).subject));
    t.strictSame(chain, ['CN=Fake Issuing CA,O=Fake EJBCA,C=SE', 'CN=Fake Root CA,O=Fake EJBCA,C=SE']);
  };

  t.test('come by REST, by the web service, or from the distribution point', async (t) => {
    await heard(ejbcaIssuer(fake));
    await fake.set({ caCalls: false });
    await heard(ejbcaIssuer(fake));
    await fake.set({ webService: false });
    await t.rejects(ejbcaIssuer(fake).chain(), /cannot be had.*no certificate of the CA is there/);
    await fake.seed({ username: 'any', subject: 'CN=any', publicKey: requestFor('any').publicKey });
    for (const path of ['', '/ejbca/publicweb/webdist/certdist']) {
      const issuer = ejbcaIssuer(fake, { caUrl: `${fake.openUrl}${path}` });
      await heard(issuer);
      t.ok(parseCrl((await issuer.crl?.()) ?? Buffer.alloc(0)).ok, 'and the list with it');
    }
  });

  t.test('the chain that came with a certificate needs no other call', async (t) => {
    const issuer = ejbcaIssuer(fake);
    await issuedBy(issuer, newRef(), requestFor('with-chain'));
    await heard(issuer);
    t.strictSame(Object.keys(await fake.calls()), ['pkcs10enroll']);
  });

  t.test('a CA that is away after its chain was heard changes nothing; one that was never heard is an error in words', async (t) => {
    await t.rejects(ejbcaIssuer(fake, { caName: 'NoCA' }).chain(), /"NoCA" cannot be had: EJBCA shows our role no CA "NoCA"/);
  });

  t.test('the list has what was revoked, and is asked for no more than once a minute', async (t) => {
    const issuer = ejbcaIssuer(fake);
    const certificate = await issuedBy(issuer, newRef(), requestFor('listed'));
    await issuer.revoke(certificate, 4);
    const der = await issuer.crl?.();
    const crl = parseCrl(der ?? Buffer.alloc(0));
    t.ok(crl.ok && crl.value.revoked.some((entry) => serialHex(entry.serial) === serialHex(certificateOf(certificate).serial) && entry.reason === 4));
    t.ok((await issuer.crl?.())?.equals(der ?? Buffer.alloc(0)));
    t.equal((await fake.calls()).crl, 1);
    t.ok(await issuer.crlOf?.(certificateOf(certificate).issuer.der));
    t.equal(await issuer.crlOf?.(buildName([[oids.commonName, 'Nobody']]).der), undefined);
  });

  t.test('a list of 2 MiB comes whole, by whichever way; one above 4 MiB by none', async (t) => {
    await fake.seed({ username: 'any', subject: 'CN=any', publicKey: requestFor('any').publicKey });
    await fake.set({ revokedBefore: 55_000 });
    const heardBy = (way: Partial<Settings>) => fake.set(way).then(() => ejbcaIssuer(fake, { caUrl: fake.openUrl, timeoutMs: 60_000 }).crl?.());
    for (const way of [{}, { caCalls: false }, { webService: false }]) {
      const der = (await heardBy(way)) ?? Buffer.alloc(0);
      const crl = parseCrl(der);
      t.ok(crl.ok && crl.value.revoked.length === 55_000 && der.length > 2 * 1024 * 1024, `${der.length} octets`);
    }
    const { crl: before = 0 } = await fake.calls();
    t.equal(await heardBy({ caCalls: true, webService: true, revokedBefore: 115_000 }), undefined);
    t.ok(((await fake.calls()).crl ?? 0) > before);
  });

  t.test('devices that ask at once wait for one answer', async (t) => {
    const issuer = ejbcaIssuer(fake);
    const lists = await Promise.all(Array.from({ length: 20 }, () => issuer.crl?.()));
    t.ok(lists.every((list) => list !== undefined && list === lists[0]));
    t.equal((await fake.calls()).crl, 1);
  });

  t.test('the list comes by the web service where REST has none', async (t) => {
    await fake.set({ caCalls: false });
    const crl = parseCrl((await ejbcaIssuer(fake).crl?.()) ?? Buffer.alloc(0));
    t.ok(crl.ok);
  });
});

t.test('the connection test says step by step what it found', async (t) => {
  const run = (fields = {}, client: Parameters<typeof ejbcaSecrets>[1] = 'good') =>
    testEjbcaConnector(ejbcaConfig(fake, fields), ejbcaSecrets(fake, client), {});
  const last = async (fields = {}, client: Parameters<typeof ejbcaSecrets>[1] = 'good') => {
    const { ok, steps } = await run(fields, client);
    const step = steps.at(-1);
    return { ok, name: step?.name, message: step?.message };
  };

  t.test('all is well', async (t) => {
    await issuedBy(ejbcaIssuer(fake), newRef(), requestFor('seen'));
    const { ok, steps } = await run();
    t.equal(ok, true);
    t.strictSame(
      steps.map(({ name }) => name),
      ['dns', 'tcp', 'tls', 'client certificate', 'rest', 'ca and profiles', 'search', 'chain', 'requests without pkcs#10'],
    );
    const text = steps.map(({ message }) => message).join('\n');
    t.match(text, /is an address already/);
    t.match(text, /TLSv1\.3 with ejbca\.example, whose certificate is trusted and ends \d{4}-/);
    t.match(text, /CN=Gatehouse RA, 36\d days left/);
    t.match(text, /EJBCA 8\.3\.2 Community/);
    t.match(text, /"IssuingCA" and both profiles are known and open to us\. 1 certificates so far/);
    t.match(text, /proved only by enrolling/);
    t.equal((await fake.issued()).length, 1, 'nothing was changed');
  });

  t.test('each fault where it is', async (t) => {
    const lines: readonly (readonly [string, RegExp, () => Promise<unknown>, Record<string, unknown>?, Parameters<typeof ejbcaSecrets>[1]?])[] = [
      ['dns', /name is not known|does not answer/, async () => undefined, { connectorUrl: 'https://nobody.invalid:8443' }],
      ['tcp', /nothing listens/, async () => undefined, { connectorUrl: 'https://127.0.0.1:1' }],
      ['tls', /chains to no trusted CA/, async () => undefined, { trustedCa: fake.rootCa }],
      ['tls', /for another name/, async () => undefined, { serverName: 'other.example' }],
      ['client certificate', /has expired; upload a new PFX/, async () => undefined, {}, 'expired'],
      ['rest', /connection was cut|client certificate/, async () => undefined, {}, 'unknown'],
      ['rest', /saw no client certificate/, async () => undefined, { connectorUrl: fake.openUrl }],
      ['rest', /switched off in EJBCA/, () => fake.set({ restV1: false })],
      ['rest', /is not the REST API/, () => fake.rules({ call: 'status', status: 200, body: '<html>hello</html>' })],
      ['ca and profiles', /does not know a name.*unknown CA/, async () => undefined, { caName: 'NoCA' }],
      ['ca and profiles', /unknown end entity profile/, async () => undefined, { endEntityProfile: 'Nobodies' }],
      ['ca and profiles', /unknown certificate profile/, async () => undefined, { certificateProfile: 'Nothing' }],
      ['search', /failed inside/, () => fake.rules({ call: 'search', times: 1, latencyMs: 0 }, { call: 'search', status: 500, body: {} })],
      ['chain', /cannot be had/, () => fake.set({ caCalls: false, webService: false })],
    ];
    for (const [step, words, prepare, fields, client] of lines) {
      await fake.reset();
      await prepare();
      const told = await last(fields, client);
      t.match(told, { ok: false, name: step, message: words }, `${step} ${words}`);
    }
  });

  t.test('a peer that is silent ends the step that waits for it, in words and within its bound', async (t) => {
    const hang = (call: string, ...before: readonly string[]) => [
      ...before.map((passed): Rule => ({ call: passed, times: 1, latencyMs: 0 })),
      { call, instead: 'hang', times: 9 } satisfies Rule,
    ];
    const lines: readonly (readonly [step: string, rules: readonly Rule[], url?: string])[] = [
      ['tls', [], await port(t, 'silent')],
      ['rest', hang('status')],
      ['ca and profiles', hang('search')],
      ['search', hang('search', 'search')],
      ['chain', [...hang('cas'), ...hang('soap:getLastCAChain')]],
    ];
    const silentAt = async (rules: readonly Rule[], timeoutMs: number, connectorUrl?: string) => {
      await fake.reset();
      await fake.rules(...rules);
      return (await run({ timeoutMs, ...(connectorUrl !== undefined && { connectorUrl }) })).steps.at(-1);
    };
    for (const [step, rules, connectorUrl] of lines) {
      // On a machine that is slow at the moment a step before it may take longer than its bound.
      let timeoutMs = 500;
      let last = await silentAt(rules, timeoutMs, connectorUrl);
      for (; last?.name !== step && timeoutMs < 30_000; last = await silentAt(rules, timeoutMs, connectorUrl)) timeoutMs *= 2;
      t.match(last, { name: step, ok: false, message: /did not answer in time|No answer within [\d.]+ seconds/ }, step);
    }
    const optional = await silentAt(hang('soap:getEjbcaVersion'), 4_000);
    t.match(optional, { name: 'requests without pkcs#10', ok: true, message: /did not answer in time/ }, 'and fails nobody who needs it not');
  });

  t.test('works with version 1 of the search alone, and says what the web service would add', async (t) => {
    await fake.set({ restV2: false });
    t.match(await last(), { ok: true });
    await fake.reset();
    await fake.set({ webService: false });
    t.match(await last(), { ok: true, name: 'requests without pkcs#10', message: /CMP requests without a PKCS#10 will be refused/ });
    t.match(
      (await run()).steps.find(({ name }) => name === 'search'),
      { message: /has issued nothing yet/ },
    );
  });

  t.test('the words hold neither key nor password', async (t) => {
    const { steps } = await run({}, 'unknown');
    t.notMatch(JSON.stringify(steps), /PRIVATE KEY|pfx password/);
  });
});

t.test('what can be chosen is read from EJBCA', async (t) => {
  const choices = () => listEjbcaChoices(ejbcaConfig(fake), ejbcaSecrets(fake), {});
  t.strictSame(await choices(), [
    { field: 'caName', values: ['IssuingCA', 'OtherCA'] },
    { field: 'endEntityProfile', values: ['Devices', 'Servers & more'] },
    { field: 'certificateProfile', values: ['DeviceTLS', 'ServerTLS'] },
  ]);
  await fake.set({ webService: false });
  t.match(await choices(), [
    { field: 'caName', values: ['IssuingCA', 'OtherCA'] },
    { field: 'endEntityProfile', values: [], missing: /switched off/ },
    { field: 'certificateProfile', values: [], missing: /switched off/ },
  ]);
});

t.test('settings of a profile go before those of its connector', async (t) => {
  const certificate = await issuedBy(ejbcaIssuer(fake, { caName: 'OtherCA', certificateProfile: 'ServerTLS' }), newRef(), requestFor('elsewhere'));
  t.equal(nameToText(certificateOf(certificate).issuer), 'CN=Fake Other CA,O=Fake EJBCA,C=SE');
  t.match(await fake.issued(), [{ caName: 'OtherCA', endEntityProfile: 'Devices', certificateProfile: 'ServerTLS' }]);
});

t.test('a pasted address of any page of EJBCA is as good as its origin', async (t) => {
  for (const path of ['', '/', '/ejbca', '/ejbca/adminweb/', '/ejbca/ejbca-rest-api/v1']) {
    await issuedBy(ejbcaIssuer(fake, { connectorUrl: `${fake.url}${path}` }), newRef(), requestFor(createHash('sha256').update(path).digest('hex')));
  }
  const fault = (connectorUrl: string) => checkEjbcaConfig(ejbcaConfigSchema.parse({ ...ejbcaConfig(fake), connectorUrl }));
  t.match(fault('http://ejbca.example'), { ok: false, error: /begin with https/ });
  t.match(fault('https://u:p@ejbca.example'), { ok: false, error: /user name or password/ });
  t.match(fault('ejbca'), { ok: false, error: /cannot be read/ });
  t.throws(() => ejbcaIssuer(fake, { connectorUrl: 'ejbca' }), /cannot be read/);
});

t.test(
  'F25 what EJBCA issued in a span of time is listed as far as its end entities are named as ours; only the digest of this tenant is certain',
  async (t) => {
    const issuer = ejbcaIssuer(fake);
    const ref = newRef();
    const tenantId = ref.slice(0, 36);
    const count = 103;
    const ours: string[] = [];
    for (let made = 0; made < count; made += 1) ours.push((await issuedBy(issuer, newRef(), requestFor(`listed-${made}`))).toString('hex'));
    const other = `${uuidv7()}-${uuidv7()}`;
    const anothers = (await issuedBy(issuer, other, requestFor('of-another-tenant'))).toString('hex');
    await issuedBy(ejbcaIssuer(fake, { usernameScheme: 'dn' }), newRef(), requestFor('somebody'));
    const revoked = await issuedBy(issuer, newRef(), requestFor('revoked'));
    await issuer.revoke(revoked, 4);
    const listed = async (from: Date, to: Date, by = issuer) => {
      const found = new Map<string, boolean>();
      for await (const page of by.issued?.(from, to, tenantId) ?? [])
        for (const { certificate, isOurs } of page) found.set(certificate.toString('hex'), isOurs);
      return found;
    };
    const hour = 3_600_000;
    const found = await listed(new Date(Date.now() - hour), new Date(Date.now() + hour));
    t.ok(
      ours.every((hex) => found.get(hex) === true),
      'over more than one page',
    );
    t.equal(found.get(anothers), false);
    t.equal(found.size, count + 1, 'neither what others named nor what is revoked');
    t.equal((await listed(new Date(Date.now() - 2 * hour), new Date(Date.now() - hour))).size, 0);
    const named = ejbcaIssuer(fake, { usernameScheme: 'dn', usernamePrefix: 'gate-' });
    const prefixed = (await issuedBy(named, newRef(), requestFor('by-name'))).toString('hex');
    t.equal((await listed(new Date(Date.now() - hour), new Date(Date.now() + hour), named)).get(prefixed), true, 'a prefix of our own tells as much');
    await fake.set({ restV1: false, restV2: false });
    await t.rejects(listed(new Date(Date.now() - hour), new Date(Date.now() + hour)), /switched off/);
  },
);
