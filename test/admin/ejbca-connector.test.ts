import t from 'tap';
import { identityOf } from '../../src/tenancy/client-identity.js';
import { systemContext } from '../../src/tenancy/context.js';
import { needs } from '../support/clients.js';
import { memoryAdmin } from '../support/memory-admin.js';
import { openBench } from '../support/openssl.js';
import { openDesk } from './desk.js';

t.setTimeout(120_000);
const url = '/api/v1/connectors';
const names = { connectorUrl: 'https://ejbca.example:8443', caName: 'IssuingCA', endEntityProfile: 'Devices', certificateProfile: 'DeviceTLS' };
const password = 'öffne dich';

/** PFX files as old and new software writes them, by openssl. */
async function files() {
  const bench = openBench();
  t.teardown(() => bench.remove());
  const must = async (...args: readonly string[]) => {
    const ran = await bench.openssl(...args);
    if (ran.code !== 0) throw new Error(ran.output);
  };
  const make = async (name: string, type: 'RSA-2048' | 'P-256', extension: string, ...options: readonly string[]) => {
    await bench.key(`${name}.key`, type);
    await must('req', '-x509', '-new', '-key', `${name}.key`, '-subj', `/CN=${name}`, '-days', '30', '-out', `${name}.pem`, ...extension.split(' '));
    await must('pkcs12', '-export', '-inkey', `${name}.key`, '-in', `${name}.pem`, '-out', `${name}.p12`, '-passout', `pass:${password}`, ...options);
    const { stdout } = await bench.openssl('base64', '-A', '-in', `${name}.p12`);
    return stdout.trim();
  };
  const leaf = '-addext basicConstraints=critical,CA:FALSE -addext extendedKeyUsage=clientAuth';
  return {
    'modern-rsa': await make('modern-rsa', 'RSA-2048', leaf),
    'modern-ec': await make('modern-ec', 'P-256', leaf),
    'rc2-rsa': await make('rc2-rsa', 'RSA-2048', leaf, '-legacy'),
    '3des-ec': await make('3des-ec', 'P-256', leaf, '-legacy', '-certpbe', 'PBE-SHA1-3DES'),
    server: await make('server', 'P-256', '-addext basicConstraints=critical,CA:FALSE -addext extendedKeyUsage=serverAuth'),
    ca: await make('ca', 'P-256', '-addext basicConstraints=critical,CA:TRUE'),
  };
}

t.test('an EJBCA connector by its form: the PFX is opened once, kept as key and certificate, and never shown', needs('openssl'), async (t) => {
  const desk = await openDesk(async (clock) => {
    const memory = memoryAdmin(clock);
    return {
      ...memory,
      addOrder: async (order: Parameters<typeof memory.addOrder>[0]) => memory.addOrder(order),
      auditEvents: async () => memory.events,
      close: async () => {},
    };
  });
  t.teardown(() => desk.close());
  const admin = await desk.as('superadmin', null);
  const tenant = await desk.addTenant();
  const pfx = await files();
  const create = (name: string, config: object) => admin('POST', url, { type: 'ejbca', name, tenantId: tenant.id, config: { ...names, ...config } });
  const kept = async (id: string) => identityOf((await desk.deps.connectors.find(systemContext('test'), id))?.secrets.pfx?.value);

  for (const kind of ['modern-rsa', 'modern-ec', 'rc2-rsa', '3des-ec'] as const) {
    const made = await create(kind, { pfx: pfx[kind], pfxPassword: password });
    t.match(
      made,
      {
        status: 201,
        body: { type: 'ejbca', config: { ...names, pfx: { set: true }, pfxPassword: { set: true }, clientCertificate: { subject: `CN=${kind}` } } },
      },
      kind,
    );
    t.match(made.body.config.clientCertificate.sha256, /^[0-9A-F:]{95}$/);
    t.notMatch(made.text, /PRIVATE KEY|BEGIN|öffne/);
    t.match((await kept(made.body.id))?.certificates, /BEGIN CERTIFICATE/);
    t.match((await kept(made.body.id))?.key.reveal(), /BEGIN PRIVATE KEY/);
  }

  const refused = async (config: object, path: string, message: RegExp) =>
    t.match(await create('Refused', config), { status: 400, body: { errors: [{ path, message }] } }, `${path}: ${message}`);
  await refused({ pfx: pfx['modern-ec'], pfxPassword: 'wrong' }, 'config.pfxPassword', /does not open/);
  await refused({ pfx: pfx['rc2-rsa'] }, 'config.pfxPassword', /does not open/);
  await refused({ pfx: Buffer.from('no pfx').toString('base64') }, 'config.pfx', /no PFX/);
  await refused({ pfx: 'A'.repeat(100_000) }, 'config.pfx', /./);
  await refused({ pfx: pfx.server, pfxPassword: password }, 'config.pfx', /lacks clientAuth/);
  await refused({ pfx: pfx.ca, pfxPassword: password }, 'config.pfx', /is a CA/);
  await refused({ pfxPassword: password }, 'config.pfxPassword', /send both/);
  await refused({ connectorUrl: 'http://ejbca.example' }, 'config.connectorUrl', /https/);
  await refused({ caUrl: 'ftp://ejbca.example' }, 'config.caUrl', /http/);
  await refused({ caName: '' }, 'config.caName', /./);
  await refused({ usernamePrefix: `\${RANDOM}` }, 'config.usernamePrefix', /placeholder/);
  await refused({ more: 1 }, 'config.more', /./);

  const made = await create('Changed', { pfx: pfx['modern-rsa'], pfxPassword: password });
  const { id } = made.body;
  const patch = async (config: object) => admin('PATCH', `${url}/${id}`, { config }, { 'if-match': (await admin('GET', `${url}/${id}`)).headers.etag ?? '' });
  t.match(await patch({ caName: 'OtherCA', clientCertificate: { subject: 'CN=forged' } }), {
    status: 200,
    body: { config: { caName: 'OtherCA', clientCertificate: { subject: 'CN=modern-rsa' } } },
  });
  t.match(await patch({ clientCertificate: null }), { status: 200, body: { config: { clientCertificate: { subject: 'CN=modern-rsa' } } } });
  t.match(await patch({ pfx: pfx['modern-ec'], pfxPassword: password }), { status: 200, body: { config: { clientCertificate: { subject: 'CN=modern-ec' } } } });
  const cleared = await patch({ pfx: null });
  t.match(cleared, { status: 200, body: { config: { pfx: { set: false } } } });
  t.notOk('clientCertificate' in cleared.body.config);
  t.equal(await kept(id), undefined);
});
