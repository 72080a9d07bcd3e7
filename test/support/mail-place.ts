import { createAddressGuard } from '../../src/connectors/address-guard.js';
import { createSmtpMailer, smtpSettings } from '../../src/connectors/smtp/index.js';
import { composeMail } from '../../src/notification/content.js';
import type { MailerOf } from '../../src/notification/ports.js';
import { uuidv7 } from '../../src/runtime/ids.js';
import type { Store } from '../../src/store/store.js';
import { smtpConfigSchema } from '../../src/tenancy/connector.js';
import { systemContext, type TenantContext, tenantContext } from '../../src/tenancy/context.js';
import { orderIn, system } from './orders.js';

/** A tenant with a rule that hears of failed orders, through the mail server at `port`. */
export async function openMailPlace(store: Store, port: number, recipients: readonly string[], timeoutMs = 10_000) {
  const tenantId = uuidv7();
  await store.tenants.create(systemContext('cli'), { id: tenantId, name: `Acme ${tenantId}`, slug: `t-${tenantId}`, status: 'active' });
  const context = tenantContext(tenantId, 'cli');
  const connectorId = uuidv7();
  const config = smtpConfigSchema.parse({ server: '127.0.0.1', port, from: 'gatehouse@example.org', tls: 'none', timeoutMs, maxProcessingMs: 0 });
  await store.connectors.create(context, { id: connectorId, type: 'smtp', name: 'Mail', description: '', status: 'active', config, secrets: {} });
  const what = { events: ['order-failed'] as const, profileIds: [], expiryDays: [], minutesBetweenMails: 1, digest: { weekday: 1, hour: 6 } };
  const rule = { id: uuidv7(), connectorId, name: 'Operators', description: '', status: 'active' as const, recipients, ...what };
  await store.notificationRules.create(context, rule);
  return { context, connectorId, ruleId: rule.id };
}

/** An order fails, and the mails of it are made. */
export async function makeMails(store: Store, context: TenantContext): Promise<void> {
  await orderIn(store.orders, context, 'FAILED');
  await makeMailsOf(store);
}

/** Of everything that happened and that a rule wants to hear of. */
export async function makeMailsOf(store: Store): Promise<void> {
  await store.notifications.gather(100, { gatherMs: 0 });
  await store.notifications.close(100, (gathered, occasion) => composeMail(gathered, { ...occasion, consoleUrl: 'https://gatehouse.example.test' }));
}

/** The mailers of a store's connectors, as a server has them. */
export function mailersOf(store: Store): MailerOf {
  const guard = createAddressGuard([], true);
  return async (connectorId) => {
    const connector = await store.connectors.find(system, connectorId);
    if (connector === undefined) return undefined;
    const config = smtpConfigSchema.parse(connector.config);
    const mailer = createSmtpMailer(smtpSettings(config, connector.secrets.password?.value), guard);
    return { mailer, status: connector.status, maxProcessingMs: config.maxProcessingMs, timeoutMs: config.timeoutMs };
  };
}
