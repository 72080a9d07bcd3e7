import Fastify from 'fastify';
import { systemClock } from '../runtime/clock.js';
import { createLog } from '../runtime/log.js';
import type { AdminDeps } from './ports.js';
import { registerAdmin } from './register.js';

/** The OpenAPI document as served at /api/v1/openapi.json, as text. No request is answered, so no store is needed. */
export async function openApiDocument(): Promise<string> {
  const deps: Pick<
    AdminDeps,
    | 'log'
    | 'clock'
    | 'connectorTester'
    | 'enrolmentTester'
    | 'connectorLog'
    | 'connectorHealth'
    | 'vendorDevices'
    | 'deviceSecrets'
    | 'givenUpRevocations'
    | 'unknownCertificates'
    | 'stuckOrders'
    | 'orderEvents'
    | 'dashboard'
    | 'engineCas'
    | 'engineClients'
    | 'notificationRules'
    | 'mails'
    | 'ruleTester'
    | 'identity'
    | 'approvals'
    | 'auditChain'
    | 'auditSinks'
    | 'adminUrl'
  > = {
    log: createLog('silent'),
    clock: systemClock,
    connectorLog: {} as NonNullable<AdminDeps['connectorLog']>,
    connectorHealth: {} as NonNullable<AdminDeps['connectorHealth']>,
    connectorTester: { test: async () => ({ ok: true, steps: [] }) },
    enrolmentTester: {} as NonNullable<AdminDeps['enrolmentTester']>,
    engineCas: {} as NonNullable<AdminDeps['engineCas']>,
    engineClients: {} as NonNullable<AdminDeps['engineClients']>,
    vendorDevices: {} as NonNullable<AdminDeps['vendorDevices']>,
    deviceSecrets: {} as NonNullable<AdminDeps['deviceSecrets']>,
    orderEvents: {} as NonNullable<AdminDeps['orderEvents']>,
    dashboard: {} as NonNullable<AdminDeps['dashboard']>,
    stuckOrders: {} as NonNullable<AdminDeps['stuckOrders']>,
    givenUpRevocations: {} as NonNullable<AdminDeps['givenUpRevocations']>,
    unknownCertificates: {} as NonNullable<AdminDeps['unknownCertificates']>,
    notificationRules: {} as NonNullable<AdminDeps['notificationRules']>,
    mails: {} as NonNullable<AdminDeps['mails']>,
    approvals: {} as NonNullable<AdminDeps['approvals']>,
    auditChain: {} as NonNullable<AdminDeps['auditChain']>,
    auditSinks: {} as NonNullable<AdminDeps['auditSinks']>,
    adminUrl: 'https://localhost',
    identity: { provider: {} } as NonNullable<AdminDeps['identity']>,
    ruleTester: {} as NonNullable<AdminDeps['ruleTester']>,
  };
  const app = Fastify();
  await registerAdmin(app, deps as AdminDeps);
  await app.ready();
  const { payload } = await app.inject('/api/v1/openapi.json');
  await app.close();
  return `${JSON.stringify(JSON.parse(payload), null, 2)}\n`;
}
