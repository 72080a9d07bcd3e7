import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { createVaultIssuer } from '../../src/connectors/vault/index.js';
import { type CmpEnrolment, enrolByCmp, secretCredential } from '../../src/device-client/cmp.js';
import type { CmpServer } from '../../src/device-client/cmp-conversation.js';
import { certificateCredential } from '../../src/device-client/cmp-credentials.js';
import type { Step } from '../../src/device-client/cmp-fault.js';
import { revocationOf, revokeByCmp } from '../../src/device-client/cmp-revocation.js';
import { type DeviceKey, newDeviceKey } from '../../src/device-client/device-key.js';
import { generateRsaKey, ScepClient, type ScepOutcome } from '../../src/device-client/scep.js';
import { type Certificate, type Name, nameFromText, parseCrl, serialHex } from '../../src/pkix/index.js';
import type { Result } from '../../src/runtime/result.js';
import { Secret } from '../../src/runtime/secret.js';
import { cryptoEngineConfigSchema } from '../../src/tenancy/connector.js';
import { startFakeEjbca } from '../support/ejbca/index.js';
import { untilCmpServed, untilScepServed } from '../support/served.js';
import { type RunningServer, startServer } from '../support/server.js';
import { startVault } from '../support/vault/index.js';

t.setTimeout(900_000);

/** A CA as a connector reaches it, and its own word on what is revoked. */
interface Ca {
  /** Undefined: the connector is there from the first start. */
  readonly connector: object | undefined;
  /** By the CA's own records, whatever the server that is tested says. */
  isRevoked(certificate: Certificate): Promise<boolean>;
}

interface Row {
  readonly name: string;
  /** The CA takes names and key from a PKCS#10 and from nothing else, so CMP devices ask by p10cr. */
  readonly needsPkcs10?: true;
  open(t: Test, ra: RunningServer): Promise<Ca>;
}

function must<T>(result: Result<T, unknown>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

const isIn = (crl: Buffer | undefined, { serial }: Certificate): boolean =>
  crl !== undefined && must(parseCrl(crl)).revoked.some((item) => item.serial.equals(serial));

const listedBy = (server: RunningServer) => async (certificate: Certificate) =>
  isIn(Buffer.from(await (await fetch(`${server.deviceUrl}/pki/issuing.crl`)).arrayBuffer()), certificate);

const rows: readonly Row[] = [
  { name: 'the embedded engine', open: async (_t, ra) => ({ connector: undefined, isRevoked: listedBy(ra) }) },
  {
    name: 'Crypto Engine v1',
    async open(t) {
      const engine = await startServer();
      t.teardown(() => engine.stop());
      const { clientSecret } = await post<{ clientSecret: string }>(engine, '/engine-clients', { name: 'RA', clientId: 'ra' });
      const config = { url: `${engine.adminUrl}/engine`, clientId: 'ra', clientSecret };
      return { connector: { type: 'crypto-engine', name: 'Elsewhere', config }, isRevoked: listedBy(engine) };
    },
  },
  {
    name: 'dialect vault',
    needsPkcs10: true,
    async open(t) {
      const vault = await startVault();
      t.teardown(() => vault.stop());
      const { url, roleId: clientId, secretId: clientSecret, trustedCa } = vault;
      const config = { url, dialect: 'vault', clientId, trustedCa, profileId: 'device' };
      const reader = createVaultIssuer(cryptoEngineConfigSchema.parse(config), { clientSecret: { value: new Secret(clientSecret) } }, {});
      const connector = { type: 'crypto-engine', name: 'Vault', config: { ...config, clientSecret } };
      return { connector, isRevoked: async (certificate) => isIn(await reader.crl?.(), certificate) };
    },
  },
  {
    name: 'EJBCA',
    async open(t) {
      const fake = await startFakeEjbca();
      t.teardown(() => fake.stop());
      const { url: connectorUrl, trustedCa, pfx, pfxPassword } = fake;
      const names = { caName: 'IssuingCA', endEntityProfile: 'Devices', certificateProfile: 'DeviceTLS' };
      const connector = { type: 'ejbca', name: 'Corporate CA', config: { connectorUrl, ...names, trustedCa, pfx: pfx.good, pfxPassword } };
      const isRevoked = async ({ serial }: Certificate) =>
        (await fake.issued()).some((item) => item.serial === serialHex(serial) && item.revokedAt !== undefined);
      return { connector, isRevoked };
    },
  },
];

async function post<T>(server: RunningServer, path: string, body: object): Promise<T> {
  const answer = await server.api(`/api/v1${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`POST ${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

async function until<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 600; tries += 1) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await sleep(200);
  }
  throw new Error(`${what}: it did not happen within two minutes`);
}

async function connectorOf(ra: RunningServer, { connector }: Ca): Promise<string> {
  if (connector !== undefined) {
    const { id } = await post<{ id: string }>(ra, '/connectors', connector);
    const tested = await post<{ ok: boolean }>(ra, `/connectors/${id}/test`, {});
    if (!tested.ok) throw new Error(JSON.stringify(tested));
    return id;
  }
  const { items } = (await (await ra.api('/api/v1/connectors?type=crypto-engine')).json()) as { items: { id: string; name: string }[] };
  return items.find(({ name }) => name === 'Embedded engine')?.id ?? '';
}

async function issued(client: ScepClient, outcome: ScepOutcome): Promise<Certificate> {
  let now = outcome;
  if (now.kind === 'pending') {
    const { pending } = now;
    now = await until('the poll', async () => {
      const next = must(await client.poll(pending));
      return next.kind === 'pending' ? undefined : next;
    });
  }
  if (now.kind !== 'issued') throw new Error(JSON.stringify(now));
  return now.certificate;
}

/** SCEP has no message that revokes: an administrator does. */
async function revokedByOperator(ra: RunningServer, { serial }: Certificate): Promise<void> {
  const { items } = (await (await ra.api(`/api/v1/certificates?serial=${serial.toString('hex')}`)).json()) as { items: { id: string }[] };
  await post(ra, `/certificates/${items[0]?.id}/revoke`, { reason: 'superseded' });
}

interface Place {
  readonly ra: RunningServer;
  readonly ca: Ca;
  readonly connectorId: string;
  readonly slug: string;
}

async function scepJourney(t: Test, { ra, ca, connectorId, slug }: Place): Promise<readonly Certificate[]> {
  const challenge = 'open-sesame-for-all';
  const { serverUrl: url } = await post<{ serverUrl: string }>(ra, '/scep-profiles', { name: `SCEP ${slug}`, connectorId, challengePassword: challenge });
  await untilScepServed(url);
  const client = new ScepClient({ url });
  const { authorities } = must(await client.certificates());
  const subject = must(nameFromText(`CN=scep-${slug}`));
  const [key, newKey] = [generateRsaKey(), generateRsaKey()];
  const first = await issued(client, must(await client.enrol({ key, subject, challenge })));
  t.ok(
    authorities.some((authority) => authority.subject.der.equals(first.issuer.der)),
    'issued by the CA of the connector',
  );
  const renews = { certificate: first, privateKey: key.privateKey };
  const second = await issued(client, must(await client.enrol({ key: newKey, subject, transactionId: `renewal-${slug}`, renews })));
  t.ok(second.publicKey.spki.equals(newKey.publicKey.spki) && !second.serial.equals(first.serial), 'renewed for a new key');
  await revokedByOperator(ra, second);
  await until('the revocation', async () => ((await ca.isRevoked(second)) ? true : undefined));
  t.notOk(await ca.isRevoked(first), 'and no other is');
  return authorities;
}

/** What is signed is answered by the RA key, which the CA certifies after the profile is made: 503 until then. */
function served<T>(ask: () => Step<T>): ReturnType<typeof ask> {
  return until('an answer', async () => {
    const answer = await ask();
    return answer.ok || (answer.error.kind !== 'http' && answer.error.kind !== 'unreachable') ? answer : undefined;
  });
}

async function refusalOf(ra: RunningServer, name: string): Promise<string | undefined> {
  const answer = await ra.api(`/api/v1/orders?state=REJECTED&q=${encodeURIComponent(name)}`);
  const { items } = (await answer.json()) as { items: { failReason: string | null }[] };
  return items[0]?.failReason ?? undefined;
}

const signing = (key: DeviceKey): Pick<CmpEnrolment, 'newKey'> => ({ newKey: key.signer ?? key });

async function cmpJourney(t: Test, { ra, ca, connectorId, slug }: Place, trusted: readonly Certificate[], needsPkcs10: boolean): Promise<void> {
  const made = await post<{ cmpUrl: string; credentials: { reference: string; secret: string } }>(ra, '/cmp-profiles', { name: `CMP ${slug}`, connectorId });
  await untilCmpServed(made.cmpUrl);
  const { reference, secret } = made.credentials;
  const recipient: Name = trusted[0]?.subject ?? must(nameFromText('CN=unknown'));
  const at = (credential: CmpServer['credential']): CmpServer => ({ url: made.cmpUrl, credential, recipient, trusted, timeoutMs: 120_000 });
  const subject = must(nameFromText(`CN=cmp-${slug}`));
  const [key, newKey] = [must(newDeviceKey('P-256')), must(newDeviceKey('P-256'))];
  const bySecret = at(secretCredential(reference, Buffer.from(secret)));
  const first = must(await served(() => enrolByCmp({ ...bySecret, type: needsPkcs10 ? 'p10cr' : 'ir', ...signing(key), subject }))).certificate;
  t.ok(first.issuer.der.equals(recipient.der), 'issued by the CA of the connector');

  const byFirst = at(must(certificateCredential(first, trusted, key)));
  const update = await served(() => enrolByCmp({ ...byFirst, type: 'kur', ...signing(newKey), subject, oldCertificate: first }));
  if (needsPkcs10) {
    t.match(update, { ok: false, error: { kind: 'refused', isVerified: true } }, 'kur brings no PKCS#10');
    t.match(await until('the refusal', () => refusalOf(ra, `cmp-${slug}`)), /PKCS#10/, 'and the operator reads why it is refused');
  }
  const renewed = needsPkcs10 ? await served(() => enrolByCmp({ ...byFirst, type: 'p10cr', ...signing(newKey), subject })) : update;
  const second = must(renewed).certificate;
  t.ok(second.publicKey.spki.equals(newKey.publicKey.spki) && !second.serial.equals(first.serial), 'renewed for a new key');

  const bySecond = at(must(certificateCredential(second, trusted, newKey)));
  must(await served(() => revokeByCmp(bySecond, [revocationOf(second, 4)])));
  await until('the revocation', async () => ((await ca.isRevoked(second)) ? true : undefined));
  t.notOk(await ca.isRevoked(first), 'and no other is');
}

t.test('a SCEP and a CMP device enrol, renew and are revoked through each connector', async (t) => {
  const ra = await startServer();
  t.teardown(() => ra.stop());
  for (const [index, { name, needsPkcs10 = false, open }] of rows.entries()) {
    await t.test(name, async (t) => {
      const ca = await open(t, ra);
      const place: Place = { ra, ca, connectorId: await connectorOf(ra, ca), slug: `through-${index}` };
      let trusted: readonly Certificate[] = [];
      await t.test('over SCEP', async (t) => {
        trusted = await scepJourney(t, place);
      });
      await t.test('over CMP', (t) => cmpJourney(t, place, trusted, needsPkcs10));
    });
  }
});
