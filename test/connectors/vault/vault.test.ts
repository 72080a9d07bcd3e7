import { generateKeyPairSync } from 'node:crypto';
import t from 'tap';
import { createAddressGuard } from '../../../src/connectors/address-guard.js';
import { checkVaultConfig, createVaultIssuer, listVaultChoices, testVault, type VaultFaultCode, vaultFaults } from '../../../src/connectors/vault/index.js';
import { buildName, createSigner, extendedKeyUsageOf, nameToText, publicKeyOf, signCsr } from '../../../src/pkix/index.js';
import { oids } from '../../../src/protocol/der/index.js';
import { Secret } from '../../../src/runtime/secret.js';
import { cryptoEngineConfigSchema } from '../../../src/tenancy/connector.js';
import { certificateIn, issuedFor, newRef, requestWithPkcs10 } from '../../contracts/issuer.js';
import { startVault, type TestVault, type VaultSetup } from '../../support/vault/index.js';

t.setTimeout(120_000);

/** One process for all tests, for each as if it had just been started. */
const server = await startVault();
t.teardown(() => server.stop());
const start = (setup?: VaultSetup): Promise<TestVault> => server.anew(setup);

type Settings = Readonly<Record<string, unknown>>;

function configOf(vault: TestVault, settings: Settings = {}) {
  const { url, roleId: clientId, trustedCa } = vault;
  return cryptoEngineConfigSchema.parse({ url, dialect: 'vault', clientId, trustedCa, profileId: 'device', timeoutMs: 10_000, ...settings });
}

const secretsOf = (vault: TestVault) => ({ clientSecret: { value: new Secret(vault.secretId) } });
/** Seconds that the issuers' clock is ahead of the machine's. */
let ahead = 0;
const monotonicMs = () => performance.now() + ahead * 1000;
const issuerOf = (vault: TestVault, settings?: Settings) => createVaultIssuer(configOf(vault, settings), secretsOf(vault), { monotonicMs });

/** Granted with an organisation beside the common name. */
function acmeRequest() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const signer = createSigner(privateKey, publicKeyOf(privateKey));
  const subject = buildName([
    [oids.organizationName, 'Acme'],
    [oids.commonName, 'device.example'],
  ]);
  return { ...requestWithPkcs10({ key: privateKey }), subject: subject.der, sans: [], pkcs10: signCsr({ subject, extensions: [] }, signer) };
}

t.test('the URL of a secrets engine is checked in words', async (t) => {
  const wrong: [Settings, RegExp][] = [
    [{ url: 'vault.example' }, /cannot be read|must begin/],
    [{ url: 'ftp://vault.example' }, /must begin with https/],
    [{ url: 'https://u:p@vault.example' }, /role_id/],
    [{ url: 'https://vault.example/v1/pki?x=1' }, /without \? or #/],
    [{ url: 'https://vault.example/v1/a%20b' }, /no path of a secrets engine/],
    [{ url: 'https://vault.example', clientId: '' }, /role_id/],
    [{ url: 'https://vault.example', profileId: '../sys' }, /profileId "..\/sys"/],
    [{ url: 'https://vault.example', authPath: 'a b' }, /authPath "a b"/],
  ];
  for (const [settings, text] of wrong) {
    const config = cryptoEngineConfigSchema.parse({ dialect: 'vault', clientId: 'r', ...settings });
    const checked = checkVaultConfig(config);
    t.match(checked.ok ? '' : checked.error, text, String(settings.url));
    t.throws(() => createVaultIssuer(config, {}, {}), text);
    t.match(await testVault(config, {}, {}), { ok: false, steps: [{ name: 'configuration', message: text }] });
  }
});

t.test('the path of the mount may stand behind /v1, alone, behind a proxy’s, or nowhere', async (t) => {
  const vault = await start({ mount: 'team/pki' });
  for (const path of ['/v1/team/pki', '/team/pki', '/v1/team/pki/']) t.ok((await issuerOf(vault, { url: vault.origin + path }).chain()).length > 0, path);
  await t.rejects(issuerOf(vault, { url: vault.origin }).chain(), /no PKI secrets engine/, 'by default the mount is pki');
});

t.test('namespaces and another path of the AppRole', async (t) => {
  const vault = await start({ namespace: 'team-a', authPath: 'machines' });
  t.ok(await issuedFor(issuerOf(vault, { namespace: 'team-a', authPath: 'machines' }), requestWithPkcs10()));
  t.match(await issuerOf(vault, { authPath: 'machines' }).issue(newRef(), requestWithPkcs10()), { kind: 'notSent', reason: /namespace/ });
  t.match(await issuerOf(vault, { namespace: 'team-a' }).issue(newRef(), requestWithPkcs10()), { kind: 'notSent' });
});

t.test('tokens', async (t) => {
  t.test('are had once for many calls and renewed, so that a secret id of one use lasts', async (t) => {
    const vault = await start();
    const issuer = issuerOf(vault);
    await Promise.all(Array.from({ length: 6 }, () => issuedFor(issuer, requestWithPkcs10())));
    t.match(await vault.command(), { logins: 1, renewals: 0 });
    ahead += 1_900;
    await issuedFor(issuer, requestWithPkcs10());
    t.match(await vault.command(), { logins: 1, renewals: 1 });
  });

  t.test('that cannot be renewed are replaced by a new login', async (t) => {
    const vault = await start({ isRenewable: false });
    const issuer = issuerOf(vault);
    await issuedFor(issuer, requestWithPkcs10());
    ahead += 1_900;
    await issuedFor(issuer, requestWithPkcs10());
    t.match(await vault.command(), { logins: 2, renewals: 0 });
  });

  t.test('that were revoked at the server are replaced in the same call, but a lacking policy logs in once', async (t) => {
    const vault = await start({ denied: ['sign/narrow'] });
    const issuer = issuerOf(vault);
    await issuedFor(issuer, requestWithPkcs10());
    ahead += 6;
    await vault.command({ forgetTokens: true });
    await issuedFor(issuer, requestWithPkcs10());
    t.match(await vault.command(), { logins: 2 });
    const limited = issuerOf(vault, { profileId: 'narrow' });
    for (const _ of [1, 2, 3]) t.match(await limited.issue(newRef(), requestWithPkcs10()), { kind: 'notSent', reason: /policy of the AppRole/ });
    t.match(await vault.command(), { logins: 3 });
  });

  t.test('are not asked for again and again with a wrong secret', async (t) => {
    const vault = await start();
    const issuer = createVaultIssuer(configOf(vault), { clientSecret: { value: new Secret('wrong') } }, {});
    const answers = await Promise.all(Array.from({ length: 5 }, () => issuer.issue(newRef(), requestWithPkcs10())));
    for (const answer of answers) t.match(answer, { kind: 'notSent', reason: /does not take the role id and secret id/ });
    t.match(await issuer.issue(newRef(), requestWithPkcs10()), { kind: 'notSent' });
    t.match(await vault.command(), { logins: 1 });
  });
});

t.test('what is issued', async (t) => {
  const vault = await start();

  t.test('a role writes the subject around the common name; a request that was granted another is refused beforehand', async (t) => {
    const issuer = issuerOf(vault, { profileId: 'acme' });
    const request = acmeRequest();
    t.same(await issuer.accepts?.(request), { ok: true, value: true });
    t.equal(nameToText((await issuedFor(issuer, request)).subject), 'CN=device.example,O=Acme');
    t.match(await issuer.accepts?.(requestWithPkcs10()), { ok: false, error: /organizationName "Acme".*signVerbatim/ });
    t.match(await issuerOf(vault).accepts?.(request), { ok: false, error: /organizationName ""/ });
  });

  t.test('sign-verbatim takes subject and usages as they were granted', async (t) => {
    const issuer = issuerOf(vault, { signVerbatim: true });
    const request = { ...acmeRequest(), extendedKeyUsage: [oids.clientAuth] };
    t.same(await issuer.accepts?.(request), { ok: true, value: true });
    const got = await issuedFor(issuer, request);
    t.same(got.subject.der, request.subject);
    t.same(extendedKeyUsageOf(got.extensions), { ok: true, value: [oids.clientAuth] });
  });

  t.test('names other than those of the PKCS#10 are refused beforehand, and never sent', async (t) => {
    const issuer = issuerOf(vault, { signVerbatim: true });
    const request = requestWithPkcs10({ subject: buildName([[oids.commonName, 'granted otherwise']]).der });
    t.match(await issuer.accepts?.(request), { ok: false, error: /names from the PKCS#10/ });
    t.match(await issuer.accepts?.(requestWithPkcs10({ sans: [] })), { ok: false, error: /names from the PKCS#10/ });
    const { issued } = await vault.command();
    t.match(await issuer.issue(newRef(), request), { kind: 'refused' });
    t.equal((await vault.command()).issued, issued);
  });

  t.test('an issuer that is chosen by name signs, and shows its own chain and list', async (t) => {
    const [other, first] = [issuerOf(vault, { caId: 'issuing-2025' }), issuerOf(vault)];
    const got = await issuedFor(other, requestWithPkcs10());
    t.equal(nameToText(got.issuer), 'CN=Vault Test Issuing of before');
    t.same(certificateIn((await other.chain())[0] ?? Buffer.alloc(0)).subject.der, got.issuer.der);
    t.ok(await first.crlOf?.(got.issuer.der), 'the list of an issuer of before is found too');
    t.equal(await first.crlOf?.(buildName([[oids.commonName, 'nobody']]).der), undefined);
  });

  t.test('without a role nothing is asked for', async (t) => {
    const issuer = createVaultIssuer(configOf(vault, { profileId: undefined }), secretsOf(vault), {});
    t.match(await issuer.accepts?.(requestWithPkcs10()), { ok: false, error: /profileId/ });
    t.match(await issuer.issue(newRef(), requestWithPkcs10()), { kind: 'notSent', reason: /profileId/ });
  });

  t.test('a certificate that its role does not store is revoked by itself; one of another CA is not', async (t) => {
    const issuer = issuerOf(vault, { profileId: 'fleeting' });
    const got = await issuedFor(issuer, requestWithPkcs10());
    t.same(await issuer.revoke(got.der, 1), { ok: true, value: true });
    const another = issuerOf(await start());
    t.match(await another.revoke(got.der, 1), { ok: false, error: /unable to verify signature/, final: true });
  });
});

t.test('a lost answer is looked up in the list of certificates, and nothing is issued twice', async (t) => {
  const vault = await start();
  const issuer = issuerOf(vault, { searchCertificates: true, timeoutMs: 700 });
  for (const kind of ['silence', 'cut'] as const) {
    const [ref, request] = [newRef(), requestWithPkcs10()];
    await vault.command({ faults: [{ call: 'POST pki/sign/', kind }] });
    const { issued } = await vault.command();
    t.match(await issuer.issue(ref, request), { kind: 'uncertain' }, kind);
    const found = await issuer.lookup(ref, request.publicKey, null, request);
    t.equal(found.kind, 'found', kind);
    t.same(found.kind === 'found' && certificateIn(found.certificate).publicKey.spki, request.publicKey);
    t.equal((await vault.command()).issued, issued + 1);
  }
  const before = await vault.command();
  t.equal((await issuer.lookup(newRef(), requestWithPkcs10().publicKey, null)).kind, 'none');
  const after = await vault.command();
  t.same(
    after.calls.filter((call) => call.startsWith('GET pki/cert/')),
    [],
    'what was read once is not read again',
  );
  t.equal(after.issued, before.issued);
});

t.test('a look-up says that there is none only where it can know', async (t) => {
  const vault = await start();
  const request = requestWithPkcs10();
  const lookup = (settings: Settings) => issuerOf(vault, { searchCertificates: true, ...settings }).lookup(newRef(), request.publicKey, null, request);
  t.match(await lookup({ profileId: 'fleeting' }), { kind: 'unknown', reason: /no_store/ });
  t.match(await lookup({ searchCertificates: false }), { kind: 'unknown', reason: /searchCertificates/ });
  t.match(await lookup({}), { kind: 'none' }, 'an empty list');
  await issuedFor(issuerOf(vault), requestWithPkcs10());
  await vault.command({ faults: [{ call: 'GET pki/cert/', status: 500 }] });
  t.match(await lookup({}), { kind: 'unknown' }, 'one certificate could not be read');
  const old = `${newRef().slice(0, 37)}01f00000-0000-7000-8000-000000000000`;
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const first = requestWithPkcs10({ key });
  const issuer = issuerOf(vault, { searchCertificates: true });
  await issuedFor(issuer, first);
  t.match(await issuer.lookup(old, first.publicKey, null), { kind: 'none' }, 'a certificate of before the order is not its');
  const closed = await start({ denied: ['certs', 'roles'] });
  const blind = issuerOf(closed, { searchCertificates: true });
  t.match(await blind.lookup(newRef(), request.publicKey, null), { kind: 'unknown', reason: /policy does not let us read the role/ });
});

t.test('F25 what a secrets engine issued in a span of time is listed where its certificates may be read, never as certainly ours', async (t) => {
  const vault = await start();
  const issuer = issuerOf(vault, { searchCertificates: true });
  const wanted = [await issuedFor(issuer, requestWithPkcs10()), await issuedFor(issuer, requestWithPkcs10())].map((item) => JSON.stringify(item));
  const found = [];
  for await (const page of issuer.issued?.(new Date(Date.now() - 3_600_000), new Date(Date.now() + 3_600_000), '') ?? []) found.push(...page);
  t.equal(found.length, wanted.length);
  t.ok(found.every(({ isOurs }) => !isOurs));
  for await (const page of issuer.issued?.(new Date(0), new Date(3_600_000), '') ?? []) t.same(page, []);
  t.equal(issuerOf(vault).issued, undefined);
});

t.test('every fault has its row, and means what the table says', async (t) => {
  const vault = await start();
  const issuer = issuerOf(vault);
  await issuedFor(issuer, requestWithPkcs10());
  const said = (...errors: string[]) => JSON.stringify({ errors });
  const table: [VaultFaultCode, number, string][] = [
    ['not-authorised', 403, said('1 error occurred:\n\t* permission denied\n\n')],
    ['not-authorised', 403, '<html>forbidden</html>'],
    ['not-found', 404, said('no handler for route "pki/sign/device". route entry not found.')],
    ['not-found', 400, said('unable to find PKI issuer for reference: nobody')],
    ['unknown-role', 400, said('unknown role: device')],
    ['no-issuer', 500, said('error fetching CA certificate: no default issuer currently configured')],
    ['no-issuer', 400, said('unable to fetch corresponding key for issuer x; unable to use this issuer for signing')],
    ['policy-violation', 400, said('common name device.example not allowed by this role')],
    ['policy-violation', 400, said('subject alternate name device.example not allowed by this role')],
    ['policy-violation', 400, said('the IP address "192.0.2.1" is not allowed in this role')],
    [
      'policy-violation',
      400,
      said('the common_name field is required, or must be provided in a CSR with "use_csr_common_name" set to true, unless "require_cn" is set to false'),
    ],
    ['key-not-allowed', 400, said('role requires keys of type rsa')],
    ['key-not-allowed', 400, said("role requires a minimum of a 3072-bit key, but CSR's key is 2048 bits")],
    ['key-not-allowed', 400, said('RSA keys < 2048 bits are unsafe and not supported')],
    ['csr-invalid', 400, said('certificate request could not be parsed: asn1: structure error')],
    ['csr-invalid', 400, said("could not parse CSR's public key")],
    [
      'validity-not-allowed',
      400,
      said('cannot satisfy request, as TTL would result in notAfter of 2030 that is beyond the expiration of the CA certificate at 2029'),
    ],
    ['unclassified', 400, said('something new')],
    ['unclassified', 418, ''],
    ['standby', 307, ''],
    ['standby', 412, said('required index state not present')],
    ['standby', 473, ''],
    ['throttled', 429, said('request path "pki/sign/device": rate limit quota exceeded')],
    ['sealed', 503, said('Vault is sealed')],
    ['sealed', 503, '<html>no server is available</html>'],
    ['internal', 500, said('1 error occurred:\n\t* internal error\n\n')],
    ['internal', 502, ''],
    ['internal', 504, ''],
    ['internal', 200, '{"data":{"certificate":"x"}}'],
    ['internal', 200, 'not json'],
  ];
  for (const [code, status, body] of table) {
    await vault.command({ faults: [{ call: 'POST pki/sign/', status, body }] });
    const answer = await issuer.issue(newRef(), requestWithPkcs10());
    const { verdict, says } = vaultFaults[code];
    t.equal(answer.kind, verdict, `${status} ${body}`);
    t.ok('reason' in answer && answer.reason.startsWith(says), `${code}: ${JSON.stringify(answer)}`);
    await vault.command({ faults: [] });
  }
  const covered = new Set<string>(table.map(([code]) => code));
  t.same(
    Object.keys(vaultFaults)
      .filter((code) => !covered.has(code))
      .sort(),
    ['certificate-not-found', 'login-refused', 'lost', 'unreachable'],
    'the others are met above and below',
  );
});

t.test('a server that is not there, another’s, or out of bounds', async (t) => {
  const vault = await start();
  const request = requestWithPkcs10();
  t.match(await issuerOf(vault, { url: 'https://127.0.0.1:1/v1/pki' }).issue(newRef(), request), {
    kind: 'notSent',
    reason: /cannot be reached.*ECONNREFUSED/,
  });
  t.match(await issuerOf(vault, { trustedCa: undefined }).issue(newRef(), request), { kind: 'notSent', reason: /trustedCa/ });
  const guard = createAddressGuard(['10.0.0.0/8'], false);
  const guarded = createVaultIssuer(configOf(vault), secretsOf(vault), { guard });
  t.match(await guarded.issue(newRef(), request), { kind: 'notSent', reason: /GATEHOUSE_CONNECTOR_ALLOW/ });
  await vault.command({ sealed: true });
  const report = await testVault(configOf(vault), secretsOf(vault), {});
  t.match(report, { ok: false, steps: [{ name: 'connection', message: 'Vault is sealed.' }] });
});

t.test('the connection test names each step, and asks for no certificate', async (t) => {
  const vault = await start();
  const good = await testVault(configOf(vault), secretsOf(vault), {});
  t.match(good, { ok: true });
  t.same(
    good.steps.map(({ name }) => name),
    ['connection', 'login', 'chain', 'role', 'look-up'],
  );
  t.match(good.steps[2], { message: /^2 certificates; Vault Test Issuing issues/ });
  t.equal((await vault.command()).issued, 0);
  const failing: [Settings, string, RegExp][] = [
    [{ url: 'https://127.0.0.1:1/v1/pki' }, 'connection', /nothing listens there/],
    [{ clientId: 'nobody' }, 'login', /role id/],
    [{ url: `${vault.origin}/v1/other` }, 'chain', /no PKI secrets engine/],
    [{ caId: 'nobody' }, 'chain', /no such issuer/],
  ];
  for (const [settings, name, message] of failing) {
    const report = await testVault(configOf(vault, settings), secretsOf(vault), {});
    t.match(report.steps.at(-1), { name, ok: false, message }, name);
  }
  const closed = await start({ denied: ['roles', 'certs'] });
  const limited = await testVault(configOf(closed), secretsOf(closed), {});
  t.match(limited, { ok: true, steps: [{}, {}, {}, { message: /does not let us read the role/ }, { message: /operator must decide/ }] });
});

t.test('pick-lists come from the secrets engine, or say why not', async (t) => {
  const vault = await start();
  const choices = await listVaultChoices(configOf(vault, { profileId: undefined }), secretsOf(vault), {}, AbortSignal.timeout(3_000));
  t.same(choices, [
    { field: 'caId', values: ['issuing-2025', 'issuing-2026'] },
    { field: 'profileId', values: ['acme', 'device', 'fleeting', 'narrow'] },
  ]);
  const closed = await start({ denied: ['roles'] });
  const limited = await listVaultChoices(configOf(closed), secretsOf(closed), {}, AbortSignal.timeout(3_000));
  t.match(limited, [{ values: ['issuing-2025', 'issuing-2026'] }, { values: [], missing: /policy/ }]);
});
