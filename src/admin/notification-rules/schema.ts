import { z } from 'zod';
import { eventKinds } from '../../notification/kinds.js';
import type { NotificationRule } from '../../notification/rule.js';
import { isMailAddress } from '../../tenancy/connector.js';
import { descriptionSchema, idSchema, nameSchema, statusSchema, timeSchema } from '../field.js';
import { listQuerySchema, pageSchema } from '../list.js';

export const mailAddressSchema = z.string().trim().max(254).refine(isMailAddress, 'Must be a mail address such as ops@example.org');

/** Set semantics: what is named twice counts once. */
const unique = <T>(items: readonly T[]): T[] => [...new Set(items)];

const recipients = z.array(mailAddressSchema).min(1, 'Name at least one recipient').max(20).transform(unique).describe('Each gets a mail of its own');
const events = z.array(z.enum(eventKinds)).min(1, 'Name at least one kind of event').transform(unique).describe('What to tell of');
const profileIds = z.array(idSchema).max(200).transform(unique).describe('Only what happens in these profiles; empty: in all of the tenant');
const expiryDays = z
  .array(z.int().min(1).max(365))
  .max(10)
  .transform((days) => unique(days).sort((left, right) => right - left))
  .describe('Days before an expiry at which to warn, each once; certificates that were made for less are left out');
const minutesBetweenMails = z.int().min(1).max(1440).describe('At most one mail per kind of event in so many minutes; what happens meanwhile is gathered');
const digest = z
  .strictObject({ weekday: z.int().min(0).max(6).describe('0 is Sunday'), hour: z.int().min(0).max(23).describe('UTC') })
  .describe('When the weekly digest goes out');

export const newRuleSchema = z
  .strictObject({
    name: nameSchema,
    tenantId: idSchema.optional().describe('Only for callers that see every tenant; may be left out while there is one'),
    description: descriptionSchema.default(''),
    status: statusSchema.default('active'),
    connectorId: idSchema.describe('An SMTP connector of the same tenant'),
    recipients,
    events,
    profileIds: profileIds.default([]),
    expiryDays: expiryDays.default([30, 14, 7, 1]),
    minutesBetweenMails: minutesBetweenMails.default(15),
    digest: digest.default({ weekday: 1, hour: 6 }),
  })
  .meta({ id: 'NewNotificationRule', description: 'Who is to hear of what, through which SMTP connector' });

export const rulePatchSchema = z
  .strictObject({
    name: nameSchema.optional(),
    description: descriptionSchema.nullable().optional(),
    status: statusSchema.nullable().optional(),
    connectorId: idSchema.optional(),
    recipients: recipients.optional(),
    events: events.optional(),
    profileIds: profileIds.nullable().optional(),
    expiryDays: expiryDays.nullable().optional(),
    minutesBetweenMails: minutesBetweenMails.nullable().optional(),
    digest: digest.partial().nullable().optional(),
  })
  .meta({ id: 'NotificationRulePatch', description: 'Merge patch (RFC 7396) of a notification rule; its tenant cannot be changed' });

export const ruleSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    tenantId: idSchema,
    tenant: z.string().describe('Name of the tenant'),
    description: z.string(),
    status: statusSchema,
    connectorId: idSchema,
    recipients: z.array(z.string()),
    events: z.array(z.enum(eventKinds)),
    profileIds: z.array(idSchema),
    expiryDays: z.array(z.int()),
    minutesBetweenMails: z.int(),
    digest: z.object({ weekday: z.int(), hour: z.int() }),
    version: z.int(),
    createdAt: timeSchema,
    updatedAt: timeSchema,
  })
  .meta({ id: 'NotificationRule', description: 'Who hears of what, through which SMTP connector' });

export const rulePage = pageSchema(ruleSchema).meta({ id: 'NotificationRulePage' });

export const ruleListQuery = listQuerySchema(['createdAt', 'updatedAt', 'name', 'status'], {
  status: statusSchema.optional(),
  tenantId: idSchema.optional(),
  connectorId: idSchema.optional(),
});

export const ruleTestSchema = z
  .strictObject({ to: mailAddressSchema.optional().describe('By default every recipient of the rule') })
  .nullish()
  .meta({ id: 'NotificationRuleTest', description: 'Where to send the test mail' });

export function ruleView(rule: NotificationRule, tenant: string): z.output<typeof ruleSchema> {
  const { id, name, tenantId, description, status, connectorId, minutesBetweenMails, digest, version } = rule;
  const lists = { recipients: [...rule.recipients], events: [...rule.events], profileIds: [...rule.profileIds], expiryDays: [...rule.expiryDays] };
  const times = { createdAt: rule.createdAt.toISOString(), updatedAt: rule.updatedAt.toISOString() };
  return { id, name, tenantId, tenant, description, status, connectorId, ...lists, minutesBetweenMails, digest, version, ...times };
}
