import type { Harvest } from './harvest.js';
import type { ApiNode } from './node.js';

/** Two tenants that have something of everything: connectors, profiles, orders, certificates, users, rules. Returns their ids. */
export async function seedTenants(node: ApiNode, harvest: Harvest): Promise<readonly string[]> {
  const token = await node.tokenFor('superadmin', null);
  const call = async (method: string, path: string, body?: object): Promise<Record<string, unknown>> => {
    const headers = { authorization: `Bearer ${token}`, ...(body !== undefined && { 'content-type': 'application/json' }) };
    const answer = await fetch(`${node.base}/api/v1${path}`, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    const made = (await answer.json()) as Record<string, unknown>;
    harvest.take(made, `/api/v1${path}`);
    return made;
  };
  const other = await call('POST', '/tenants', { name: 'Fuzzed elsewhere' });
  for (const tenantId of [node.tenantId, String(other.id)]) {
    const connector = await call('POST', '/connectors', { type: 'crypto-engine', name: `Engine ${tenantId}`, tenantId, config: { url: 'embedded:' } });
    const smtp = await call('POST', '/connectors', {
      type: 'smtp',
      name: `Mail ${tenantId}`,
      tenantId,
      config: { server: '127.0.0.1', port: 9, from: 'a@b.example' },
    });
    for (const protocol of ['scep', 'cmp']) {
      const { id } = await call('POST', `/${protocol}-profiles`, { name: `Fuzzed ${protocol} ${tenantId.slice(-4)}`, connectorId: connector.id });
      await call('POST', `/${protocol}-profiles/${id}/test-enrolment`);
      const policy = { approval: { mode: 'manual' } };
      const manual = await call('POST', `/${protocol}-profiles`, { name: `Manual ${protocol} ${tenantId.slice(-4)}`, connectorId: connector.id, policy });
      await call('POST', `/${protocol}-profiles/${manual.id}/test-enrolment`);
    }
    await call('POST', '/notification-rules', { name: `Rule ${tenantId}`, connectorId: smtp.id, events: ['order-failed'], recipients: ['a@b.example'] }).catch(
      () => undefined,
    );
  }
  for (const list of ['tenants', 'connectors', 'orders', 'certificates', 'accounts', 'users', 'tokens', 'engine-cas']) await call('GET', `/${list}`);
  return [node.tenantId, String(other.id)];
}
