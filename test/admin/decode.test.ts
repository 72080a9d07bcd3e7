import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { fromPem, publicKeyOf } from '../../src/pkix/index.js';
import { uuidv7 } from '../../src/runtime/ids.js';
import { Secret } from '../../src/runtime/secret.js';
import { tenantContext } from '../../src/tenancy/context.js';
import { memoryAdmin } from '../support/memory-admin.js';
import { memoryRaKeyStore } from '../support/memory-credential-store.js';
import { type Answer, type Json, type OpenStores, openDesk } from './desk.js';

const raKeys = memoryRaKeyStore();

const inMemory: OpenStores = async (clock) => {
  const memory = memoryAdmin(clock);
  const credentials = { ...memory.credentials, ...raKeys };
  return { ...memory, credentials, addOrder: async (order) => memory.addOrder(order), auditEvents: async () => memory.events, close: async () => {} };
};

const fixture = (name: string): Buffer => readFileSync(join(import.meta.dirname, '../../fixtures', name));
const request = fixture('scep/strongswan-pkcsreq.der');

const fieldNamed = (fields: readonly Json[] | undefined, name: string): Json => {
  for (const field of fields ?? []) {
    const found = field.name === name ? field : fieldNamed(field.fields, name);
    if (found !== undefined) return found;
  }
  return undefined;
};

function isProblem(t: Test, answer: Answer, status: number, code: string): void {
  t.equal(answer.status, status, answer.text);
  t.match(answer.body, { type: `urn:gatehouse:problem:${code}` });
}

t.test('POST /decode', async (t) => {
  const desk = await openDesk(inMemory);
  t.teardown(() => desk.close());
  const tenant = await desk.addTenant('One');
  const operator = await desk.as('operator', tenant.id);
  const decode = (body: object, call = operator): Promise<Answer> => call('POST', '/api/v1/decode', body);

  await t.test('shows a message in each text form', async (t) => {
    for (const message of [
      request.toString('base64'),
      request.toString('hex'),
      `?operation=PKIOperation&message=${encodeURIComponent(request.toString('base64'))}`,
    ]) {
      const { status, body } = await decode({ message });
      t.equal(status, 200);
      t.match(body, { kind: 'scep', verdict: 'unknown' });
      t.match(fieldNamed(body.fields, 'transactionID'), { value: /^[0-9A-F]{40}$/ });
      t.match(fieldNamed(body.fields, 'signature'), { verdict: 'ok' });
      t.match(fieldNamed(body.fields, 'messageData'), { value: 'encrypted', verdict: 'unknown' });
    }
    const pem = await decode({ message: fixture('pkix/ec-p256.csr.pem').toString('utf8') });
    t.match(pem.body, { kind: 'pkcs10', verdict: 'ok' });
    const cmp = await decode({ message: fixture('cmp/ir-pbm-default-ir.der').toString('base64') });
    t.match(cmp.body, { kind: 'cmp', verdict: 'unknown' });
    t.match(fieldNamed(cmp.body.fields, 'protection'), { note: 'needs the secret' });
  });

  await t.test('malformed messages are shown as far as they go, not refused', async (t) => {
    const { status, body } = await decode({ message: request.subarray(0, 1000).toString('base64') });
    t.equal(status, 200);
    t.match(body, { kind: 'scep', verdict: 'failed' });
    t.match(fieldNamed(body.fields, 'cut off'), { value: 'after byte 1000' });
  });

  await t.test('needs the permission message:decode', async (t) => {
    isProblem(t, await decode({ message: 'MAA=' }, desk.anonymous), 401, 'unauthenticated');
    for (const role of ['viewer', 'auditor'] as const) {
      const denied = await decode({ message: 'MAA=' }, await desk.as(role, tenant.id));
      isProblem(t, denied, 403, 'forbidden');
      t.equal(denied.body.permission, 'message:decode');
    }
  });

  await t.test('refuses what is no message and what is too large', async (t) => {
    for (const message of ['', 'not base64!', '-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----']) {
      const refused = await decode({ message });
      isProblem(t, refused, 400, 'invalid-request');
      t.same(
        refused.body.errors.map(({ path }: Json) => path),
        ['message'],
      );
    }
    isProblem(t, await decode({ message: 'MAA=', secret: 'x' }), 400, 'invalid-request');
    isProblem(t, await decode({ message: Buffer.alloc(256 * 1024 + 1, 0x30).toString('base64') }), 413, 'too-large');
    isProblem(t, await decode({ message: 'A'.repeat(1024 * 1024) }), 413, 'too-large');
    t.equal((await decode({ message: Buffer.alloc(256 * 1024, 0x30).toString('base64') })).status, 200);
  });

  await t.test('opens it with the keys of a profile of the caller, on record, and never shows the challenge', async (t) => {
    const created = await tenant.admin('POST', '/api/v1/scep-profiles', { name: 'Plant', connectorId: tenant.connectorId });
    t.equal(created.status, 201, created.text);
    const profileId: string = created.body.id;
    const message = request.toString('base64');
    const without = await decode({ message, profileId });
    t.match(fieldNamed(without.body.fields, 'messageData'), { verdict: 'unknown' }, 'a profile without keys opens nothing');

    const privateKey = createPrivateKey(fixture('scep/ra.key.pem'));
    const [certificate = null] = fromPem('CERTIFICATE', fixture('scep/ra.pem').toString('latin1'));
    const key = { id: uuidv7(), profileId, purpose: 'scep' as const, state: 'active' as const, certificate, chain: [] };
    const pkcs8 = new Secret(privateKey.export({ format: 'der', type: 'pkcs8' }));
    await raKeys.addRaKey(tenantContext(tenant.id, 'cli'), { ...key, privateKey: pkcs8, spki: publicKeyOf(privateKey).spki });
    const opened = await decode({ message, profileId });
    t.equal(opened.status, 200);
    t.match(fieldNamed(opened.body.fields, 'proof of possession'), { verdict: 'ok' });
    t.match(fieldNamed(opened.body.fields, 'challengePassword'), { value: 'present, 13 characters' });
    const { challenge } = JSON.parse(fixture('scep/strongswan-pkcsreq.json').toString('utf8')).expected as { challenge: string };
    t.equal(challenge.length, 13);
    t.notOk(opened.text.includes(challenge));
    t.notOk(desk.lines.join('').includes(challenge));

    const uses = (await desk.stores.auditEvents()).filter(({ action, object }) => action === 'message.decoded' && object === `profile:${profileId}`);
    t.equal(uses.length, 2);
    t.ok(uses.every(({ tenantId, actor }) => tenantId === tenant.id && actor.startsWith('token:')));

    const spoiled = Buffer.from(request);
    const padding = 66 + 1146 - 17;
    spoiled[padding] = (spoiled[padding] as number) ^ 1;
    const closed = fieldNamed((await decode({ message: spoiled.toString('base64'), profileId })).body.fields, 'messageData');
    t.match(closed, { verdict: 'failed', value: /could not be decrypted/ });
    t.equal(closed.fields, undefined, 'not why: that would decrypt for whoever asks often enough');

    const other = await desk.addTenant('Two');
    isProblem(t, await decode({ message, profileId }, other.admin), 404, 'not-found');
    isProblem(t, await decode({ message, profileId: uuidv7() }), 404, 'not-found');
    const cmp = await tenant.admin('POST', '/api/v1/cmp-profiles', { name: 'Cmp', connectorId: tenant.connectorId });
    isProblem(t, await decode({ message, profileId: cmp.body.id }), 404, 'not-found');
  });
});
