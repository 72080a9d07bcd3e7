import type { z } from 'zod';
import type { RuleStore } from '../../notification/ports.js';
import type { NotificationRule } from '../../notification/rule.js';
import { uuidv7 } from '../../runtime/ids.js';
import { tenantContext } from '../../tenancy/context.js';
import type { AdminApp } from '../app.js';
import { type Caller, callerOf, contextOf } from '../caller.js';
import { testReportSchema } from '../connectors/schema.js';
import { type Fault, refuseFaults } from '../fault.js';
import { idParams } from '../field.js';
import { listRoute } from '../list-route.js';
import { applyPatch } from '../merge-patch.js';
import { answers } from '../openapi.js';
import type { AdminParts, RuleTester } from '../ports.js';
import { changeRoute, type Resource, readRoute, removeRoute, sendCreated } from '../resource.js';
import { tenantForNew, tenantNames, visible } from '../tenant-scope.js';
import { written } from '../write-fault.js';
import { newRuleSchema, ruleListQuery, rulePage, rulePatchSchema, ruleSchema, ruleTestSchema, ruleView } from './schema.js';

const tags = ['notification-rules'];

async function findRule(rules: RuleStore, caller: Caller, id: string): Promise<NotificationRule> {
  return visible(caller, await rules.find(contextOf(caller), id));
}

export function notificationRuleRoutes(app: AdminApp, deps: AdminParts, rules: RuleStore): void {
  const resource: Resource<NotificationRule, typeof ruleSchema> = {
    path: '/notification-rules',
    tags,
    name: 'NotificationRule',
    one: 'a notification rule',
    access: { read: 'notification-rule:read', write: 'notification-rule:write' },
    schema: ruleSchema,
    find: (caller, id) => findRule(rules, caller, id),
    async view(caller, rule) {
      const names = await tenantNames(deps, caller, [rule]);
      return ruleView(rule, names.get(rule.tenantId) ?? '');
    },
  };

  listRoute(app, {
    path: '/notification-rules',
    tags,
    operationId: 'listNotificationRules',
    summary: 'List notification rules',
    access: 'notification-rule:read',
    query: ruleListQuery,
    page: rulePage,
    list: ({ context, query }) => rules.list(context, query),
    async view(items, caller) {
      const names = await tenantNames(deps, caller, items);
      return items.map((rule) => ruleView(rule, names.get(rule.tenantId) ?? ''));
    },
  });

  app.post(
    '/notification-rules',
    {
      config: { access: 'notification-rule:write' },
      schema: {
        tags,
        operationId: 'createNotificationRule',
        summary: 'Create a notification rule',
        body: newRuleSchema,
        response: answers({ 201: ruleSchema }),
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const { tenantId, ...fields } = request.body;
      const context = await tenantForNew(deps, caller, tenantId);
      await refuseForeign(deps, context.tenantId, fields);
      const id = uuidv7(deps.clock.now().getTime());
      return sendCreated(reply, deps, resource, caller, written(await rules.create(context, { id, ...fields })));
    },
  );

  readRoute(app, resource);
  changeRoute(app, deps, resource, {
    body: rulePatchSchema,
    async change({ caller, current, version, patch }) {
      const change = changeOf(current, patch);
      await refuseForeign(deps, current.tenantId, change);
      return written(await rules.update(tenantContext(current.tenantId, caller.actor), current.id, version, change));
    },
  });
  removeRoute(app, deps, resource, {
    summary: 'Delete a notification rule and its mails that wait',
    remove: async ({ caller, current, version }) => written(await rules.remove(tenantContext(current.tenantId, caller.actor), current.id, version)),
  });
}

export function notificationRuleTestRoute(app: AdminApp, rules: RuleStore, tester: RuleTester): void {
  app.post(
    '/notification-rules/:id/test',
    {
      config: { access: 'notification-rule:test' },
      schema: {
        tags,
        operationId: 'testNotificationRule',
        summary: 'Send a test mail as this rule would',
        params: idParams,
        body: ruleTestSchema,
        response: answers({ 200: testReportSchema }),
      },
    },
    async (request) => {
      const rule = await findRule(rules, callerOf(request), request.params.id);
      const to = request.body?.to;
      const { ok, steps } = await tester.test(rule, to === undefined ? rule.recipients : [to]);
      return { ok, steps: [...steps] };
    },
  );
}

/** The connector must send mails and, like every profile, belong to the tenant of the rule. Throws 400. */
async function refuseForeign(
  deps: AdminParts,
  tenantId: string,
  rule: { readonly connectorId: string; readonly profileIds: readonly string[] },
): Promise<void> {
  const context = tenantContext(tenantId, 'admin');
  const connector = await deps.connectors.find(context, rule.connectorId);
  const faults: Fault[] = connector?.type === 'smtp' ? [] : [{ path: 'connectorId', message: 'No SMTP connector of this tenant' }];
  for (const [index, id] of rule.profileIds.entries()) {
    const found = (await deps.profiles.find(context, 'scep', id)) ?? (await deps.profiles.find(context, 'cmp', id));
    if (found === undefined) faults.push({ path: `profileIds.${index}`, message: 'No profile of this tenant' });
  }
  refuseFaults(faults);
}

function changeOf(current: NotificationRule, patch: z.output<typeof rulePatchSchema>) {
  const { id: _id, version: _version, createdAt: _createdAt, updatedAt: _updatedAt, ...document } = current;
  const { tenantId: _tenantId, ...change } = applyPatch(newRuleSchema, document, patch, ['tenantId']);
  return change;
}
