import type { z } from 'zod';
import type { RuleStore } from '../../notification/ports.js';
import type { NotificationRule } from '../../notification/rule.js';
import { uuidv7 } from '../../runtime/ids.js';
import { tenantContext } from '../../tenancy/context.js';
import type { AdminApp } from '../app.js';
import { type Caller, callerOf, contextOf } from '../caller.js';
import { testReportSchema } from '../connectors/schema.js';
import { requireVersion, setEtag } from '../etag.js';
import { type Fault, refuseFaults } from '../fault.js';
import { idParams } from '../field.js';
import { pageOf } from '../list.js';
import { applyPatch } from '../merge-patch.js';
import { answers, noContent } from '../openapi.js';
import type { AdminParts, RuleTester } from '../ports.js';
import { emptyPage, narrowed, tenantForNew, tenantNames, visible } from '../tenant-scope.js';
import { written } from '../write-fault.js';
import { newRuleSchema, ruleListQuery, rulePage, rulePatchSchema, ruleSchema, ruleTestSchema, ruleView } from './schema.js';

const tags = ['notification-rules'];

async function findRule(rules: RuleStore, caller: Caller, id: string): Promise<NotificationRule> {
  return visible(caller, await rules.find(contextOf(caller), id));
}

async function viewOf(deps: AdminParts, caller: Caller, rule: NotificationRule) {
  const names = await tenantNames(deps, caller, [rule]);
  return ruleView(rule, names.get(rule.tenantId) ?? '');
}

export function notificationRuleRoutes(app: AdminApp, deps: AdminParts, rules: RuleStore): void {
  app.get(
    '/notification-rules',
    {
      config: { access: 'notification-rule:read' },
      schema: {
        tags,
        operationId: 'listNotificationRules',
        summary: 'List notification rules',
        querystring: ruleListQuery,
        response: answers({ 200: rulePage }),
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const context = narrowed(caller, request.query.tenantId);
      const page = context === undefined ? emptyPage : await rules.list(context, request.query);
      const names = await tenantNames(deps, caller, page.items);
      return pageOf(page, (rule) => ruleView(rule, names.get(rule.tenantId) ?? ''));
    },
  );

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
      const rule = written(await rules.create(context, { id, ...fields }));
      deps.notifyConfigChanged();
      setEtag(reply, rule.version);
      return reply
        .code(201)
        .header('location', `/api/v1/notification-rules/${id}`)
        .send(await viewOf(deps, caller, rule));
    },
  );

  app.get(
    '/notification-rules/:id',
    {
      config: { access: 'notification-rule:read' },
      schema: { tags, operationId: 'getNotificationRule', summary: 'Read a notification rule', params: idParams, response: answers({ 200: ruleSchema }) },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const rule = await findRule(rules, caller, request.params.id);
      setEtag(reply, rule.version);
      return viewOf(deps, caller, rule);
    },
  );

  app.patch(
    '/notification-rules/:id',
    {
      config: { access: 'notification-rule:write' },
      schema: {
        tags,
        operationId: 'updateNotificationRule',
        summary: 'Change a notification rule',
        params: idParams,
        body: rulePatchSchema,
        response: answers({ 200: ruleSchema }),
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const current = await findRule(rules, caller, request.params.id);
      const version = requireVersion(request, current.version);
      const change = changeOf(current, request.body);
      await refuseForeign(deps, current.tenantId, change);
      const rule = written(await rules.update(tenantContext(current.tenantId, caller.actor), current.id, version, change));
      deps.notifyConfigChanged();
      setEtag(reply, rule.version);
      return viewOf(deps, caller, rule);
    },
  );

  app.delete(
    '/notification-rules/:id',
    {
      config: { access: 'notification-rule:write' },
      schema: {
        tags,
        operationId: 'deleteNotificationRule',
        summary: 'Delete a notification rule and its mails that wait',
        params: idParams,
        response: answers({ 204: noContent }),
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const current = await findRule(rules, caller, request.params.id);
      const version = requireVersion(request, current.version);
      written(await rules.remove(tenantContext(current.tenantId, caller.actor), current.id, version));
      deps.notifyConfigChanged();
      return reply.code(204).send(null);
    },
  );
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
