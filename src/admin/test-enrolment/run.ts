import { type Order, phaseOf } from '../../enrolment/order.js';
import { type TenantContext, tenantContext } from '../../tenancy/context.js';
import { generateCredential } from '../../tenancy/credentials.js';
import type { Profile } from '../../tenancy/profile.js';
import type { Caller } from '../caller.js';
import type { AdminParts, EnrolmentStep, EnrolmentTester, EnrolmentTrial } from '../ports.js';
import { makeCredential, type TestCredential } from './credential.js';
import type { TestEnrolmentReport } from './schema.js';

interface Wanted {
  readonly subject?: string | undefined;
  readonly sans: readonly string[];
}

/** Plays a device of the profile, with a key, a name and a secret made for the occasion, and tells what happened; audited as `profile.tested`. */
export async function testEnrolment(profile: Profile, wanted: Wanted, caller: Caller, deps: AdminParts, tester: EnrolmentTester): Promise<TestEnrolmentReport> {
  const context = tenantContext(profile.tenantId, caller.actor);
  const deviceName = `gatehouse-test-${generateCredential(12)}`;
  const subject = wanted.subject ?? `CN=${deviceName}`;
  const report = await played({ profile, wanted: { ...wanted, subject }, deviceName }, context, deps, tester);
  await noteTest(profile, report, context, deps);
  return report;
}

interface Play {
  readonly profile: Profile;
  readonly wanted: Wanted & { readonly subject: string };
  readonly deviceName: string;
}

async function played({ profile, wanted, deviceName }: Play, context: TenantContext, deps: AdminParts, tester: EnrolmentTester): Promise<TestEnrolmentReport> {
  const { subject, sans } = wanted;
  const none = { ok: false, outcome: 'impossible', subject, orderId: null } as const;
  if (profile.status !== 'active')
    return { ...none, steps: [failed('profile', 'The profile is inactive, and serves no device. Set its status to active first.')] };
  const begun = performance.now();
  const made = await makeCredential(profile, deviceName, context, deps);
  if (!made.ok) return { ...none, steps: [failed('credential', made.error)] };
  const credential = { name: 'credential', ok: true, detail: made.value.detail, ms: Math.round(performance.now() - begun) };
  const device = { profile, subject, sans, isPatient: !waitsForPeople(profile), ...made.value.shown };
  const trial = await withdrawn(made.value, () => tester.enrol(device));
  const order = await orderOf(profile, trial, context, deps);
  const steps = [credential, ...trial.steps, ...(order === undefined ? [] : [orderStep(order)])];
  return { ok: steps.every(({ ok }) => ok), outcome: trial.outcome, subject, orderId: order?.id ?? null, steps };
}

async function withdrawn(credential: TestCredential, work: () => Promise<EnrolmentTrial>): Promise<EnrolmentTrial> {
  try {
    return await work();
  } finally {
    await credential.withdraw();
  }
}

/** What an administrator decides is not waited for. */
function waitsForPeople({ policy }: Profile): boolean {
  return policy.approval.mode === 'manual';
}

async function orderOf(profile: Profile, { transactionId }: EnrolmentTrial, context: TenantContext, deps: AdminParts): Promise<Order | undefined> {
  if (transactionId === undefined) return undefined;
  const { items } = await deps.orderReader.list(context, { profileId: profile.id, transactionId, limit: 1 });
  return items[0];
}

function orderStep({ state, failReason }: Order): EnrolmentStep {
  const why = failReason === null || failReason === '' ? '' : ` (${failReason})`;
  return { name: 'order', ok: phaseOf(state) !== 'refused', detail: `The order is ${state}${why}.`, ms: 0 };
}

function failed(name: string, detail: string): EnrolmentStep {
  return { name, ok: false, detail, ms: 0 };
}

async function noteTest(profile: Profile, { ok, outcome, subject, orderId }: TestEnrolmentReport, { tenantId, actor }: TenantContext, deps: AdminParts) {
  await deps.audit.append({
    at: deps.clock.now(),
    tenantId,
    actor,
    action: 'profile.tested',
    object: `profile:${profile.id}`,
    outcome: ok ? 'success' : 'failure',
    details: { outcome, subject, orderId },
  });
}
