import { protocols } from '../../tenancy/profile.js';
import type { AdminApp } from '../app.js';
import { callerOf } from '../caller.js';
import { idParams } from '../field.js';
import { answers } from '../openapi.js';
import type { AdminParts, EnrolmentTester } from '../ports.js';
import { findProfile } from '../profiles/find.js';
import { createPace } from './pace.js';
import { testEnrolment } from './run.js';
import { testEnrolmentReportSchema, testEnrolmentSchema } from './schema.js';

const names = { scep: 'Scep', cmp: 'Cmp' } as const;

/** Profiles tried out by a device that the server plays itself. */
export function testEnrolmentRoutes(app: AdminApp, deps: AdminParts, tester: EnrolmentTester): void {
  const pace = createPace(deps.clock);
  for (const protocol of protocols) {
    app.post(
      `/${protocol}-profiles/:id/test-enrolment`,
      {
        config: { access: 'profile:test' },
        schema: {
          tags: [`${protocol}-profiles`],
          operationId: `test${names[protocol]}Enrolment`,
          summary: 'Enrol as a device would, with a key, a name and a secret made for it; the order and the certificate stay',
          params: idParams,
          body: testEnrolmentSchema,
          response: answers({ 200: testEnrolmentReportSchema }),
        },
      },
      async (request) => {
        const caller = callerOf(request);
        const profile = await findProfile(deps, caller, protocol, request.params.id);
        const { subject, sans = [] } = request.body ?? {};
        return pace.within(profile.id, () => testEnrolment(profile, { subject, sans }, caller, deps, tester));
      },
    );
  }
}
