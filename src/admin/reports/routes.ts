import type { AdminApp } from '../app.js';
import { noteReading } from '../audit-events/note-reading.js';
import { callerOf, contextOf } from '../caller.js';
import { answers } from '../openapi.js';
import type { AdminParts, IdentityParts } from '../ports.js';
import { accessReview } from './access-review.js';
import { accessReviewSchema, switchReportSchema } from './schema.js';
import { switchesInForce } from './switches.js';

/** What auditors ask for; each reading is an event of the audit trail. */
export function reportRoutes(app: AdminApp, deps: AdminParts, identity: IdentityParts): void {
  const tags = ['reports'];
  app.get(
    '/reports/access',
    {
      config: { access: 'audit:read' },
      schema: { tags, operationId: 'getAccessReview', summary: 'Who may do what, and when they last did', response: answers({ 200: accessReviewSchema }) },
    },
    async (request) => {
      const caller = callerOf(request);
      await noteReading(deps, caller, 'report.read', 'report:access', caller.tenantId);
      const now = deps.clock.now();
      return { at: now.toISOString(), items: [...(await accessReview(contextOf(caller), identity, now))] };
    },
  );
  app.get(
    '/reports/switches',
    {
      config: { access: 'audit:read' },
      schema: { tags, operationId: 'getDangerousSwitches', summary: 'Dangerous settings in force', response: answers({ 200: switchReportSchema }) },
    },
    async (request) => {
      const caller = callerOf(request);
      await noteReading(deps, caller, 'report.read', 'report:switches', caller.tenantId);
      return { at: deps.clock.now().toISOString(), items: [...(await switchesInForce(contextOf(caller), deps))] };
    },
  );
}
