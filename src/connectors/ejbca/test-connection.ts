import { nameToText } from '../../pkix/index.js';
import type { Clock } from '../../runtime/clock.js';
import { type ClientIdentity, leafOf } from '../../tenancy/client-identity.js';
import type { OutboundAnswer } from '../outbound.js';
import { runSteps, type Step, type StepBounds, type TestReport } from '../test-steps.js';
import type { Authority } from './authority.js';
import type { EjbcaClient, EjbcaOutcome } from './client.js';
import type { EnrolPlace } from './enrol.js';
import type { Reach } from './reach.js';
import { faultOfOutcome, isNotServed, type Search } from './search.js';
import { operation, textOf } from './soap.js';
import { oldSearchAnswer, readJson, searchAnswer, statusAnswer } from './wire.js';

export interface TestParts {
  readonly reach: Reach;
  readonly client: EjbcaClient;
  readonly search: Search;
  readonly authority: Authority;
  readonly identity: ClientIdentity | undefined;
  readonly place: EnrolPlace;
  readonly clock: Clock;
}

/**
 * Everything that can be known of a connector without changing anything at the CA, step by step up to the first that fails. The right to
 * enrol is only proved by enrolling, and the report says so.
 */
export function testEjbca(parts: TestParts, bounds: StepBounds): Promise<TestReport> {
  const { reach, client, place } = parts;
  const steps: readonly Step[] = [
    ['dns', (deadline) => reach.resolve(deadline), reachMs],
    ['tcp', (deadline) => reach.connect(deadline), reachMs],
    ['tls', (deadline) => reach.handshake(deadline), reachMs],
    ['client certificate', async () => identityText(parts)],
    ['rest', async (deadline) => statusText(await client.rest({ method: 'GET', path: 'v1/certificate/status' }, deadline))],
    ['ca and profiles', (deadline) => namesText(client, place, deadline)],
    ['search', (deadline) => searchText(parts, deadline)],
    ['chain', async () => chainText((await parts.authority.chain()).length)],
    ['requests without pkcs#10', async (deadline) => soapText(await client.soap('getEjbcaVersion', operation('getEjbcaVersion'), deadline))],
  ];
  return runSteps(steps, bounds);
}

/** As long as an ordinary call waits for its connection. */
const reachMs = 5_000;

const dayMs = 86_400_000;

function identityText({ identity, clock }: TestParts): string {
  const leaf = identity === undefined ? undefined : leafOf(identity);
  if (leaf === undefined) throw new Error('No client certificate is set; upload the PFX of the RA certificate.');
  const now = clock.now().getTime();
  const days = Math.floor((leaf.notAfter.getTime() - now) / dayMs);
  const who = nameToText(leaf.subject);
  if (leaf.notAfter.getTime() <= now) throw new Error(`The client certificate of ${who} has expired; upload a new PFX.`);
  if (leaf.notBefore.getTime() > now) throw new Error(`The client certificate of ${who} is not valid yet; compare the clocks.`);
  return `${who}, ${days} days left.`;
}

function statusText(answer: EjbcaOutcome): string {
  const status = answer.kind === 'answered' && answer.status === 200 ? readJson(statusAnswer, answer.body) : undefined;
  if (status === undefined) throw new Error(faultOfOutcome(answer).reason);
  if (status.status !== 'OK') throw new Error(`EJBCA says of itself: ${status.status}.`);
  return `REST is on; ${status.revision ?? 'the version is not told'}.`;
}

/** EJBCA refuses a search that names what it does not know, or does not show to our role: the one check of names without a side effect. */
async function namesText(client: EjbcaClient, place: EnrolPlace, deadline: AbortSignal): Promise<string> {
  const criteria = [
    { property: 'CA', value: place.caName, operation: 'EQUAL' },
    { property: 'END_ENTITY_PROFILE', value: place.endEntityProfile, operation: 'EQUAL' },
    { property: 'CERTIFICATE_PROFILE', value: place.certificateProfile, operation: 'EQUAL' },
  ];
  const counting = await client.rest({ method: 'POST', path: 'v2/certificate/search', body: { criteria } }, deadline);
  const fault = isGood(counting) ? undefined : faultOfOutcome(counting);
  if (fault !== undefined && !isNotServed(fault)) throw new Error(fault.reason);
  const total = fault === undefined ? totalIn(counting) : undefined;
  if (fault !== undefined) await namesByOldSearch(client, criteria, deadline);
  const known = `The CA "${place.caName}" and both profiles are known and open to us.`;
  return total === undefined ? known : `${known} ${total} certificates so far.`;
}

async function namesByOldSearch(client: EjbcaClient, criteria: readonly object[], deadline: AbortSignal): Promise<void> {
  const answer = await client.rest({ method: 'POST', path: 'v1/certificate/search', body: { max_number_of_results: 1, criteria } }, deadline);
  if (!isGood(answer) || readJson(oldSearchAnswer, answer.body) === undefined) throw new Error(faultOfOutcome(answer).reason);
}

function isGood(answer: EjbcaOutcome): answer is OutboundAnswer {
  return answer.kind === 'answered' && answer.status === 200;
}

function totalIn(answer: EjbcaOutcome): number | undefined {
  const read = answer.kind === 'answered' ? readJson(searchAnswer, answer.body) : undefined;
  return read?.pagination_summary?.total_certs ?? undefined;
}

/** What enrolment wrote before must come back whole: an order whose answer was lost is found by nothing else. */
async function searchText({ search, place }: TestParts, deadline: AbortSignal): Promise<string> {
  const any = await search.anyOf(place.caName, deadline);
  if (!any.ok) throw new Error(any.error.reason);
  if (any.value === undefined) return 'The search answers. The CA has issued nothing yet, so what it shows is proved by the first enrolment.';
  const again = await search.byCertificate(any.value.der, deadline);
  if (!again.ok) throw new Error(again.error.reason);
  if (again.value === undefined)
    throw new Error('The search does not find a certificate that it has just shown: does the certificate profile or the CA store certificates whole?');
  return 'The search shows what the CA has issued. The right to enrol is proved only by enrolling.';
}

function chainText(length: number): string {
  return `${length} ${length === 1 ? 'certificate' : 'certificates'} in the chain of the CA.`;
}

/** Devices that send a PKCS#10 need it not: what is off here fails nobody else. */
function soapText(answer: EjbcaOutcome): string {
  const version = isGood(answer) ? textOf(answer.body.toString('utf8'), 'return') : undefined;
  if (version !== undefined) return `The web service is on (${version.slice(0, 100)}): CMP requests without a PKCS#10 can be issued for.`;
  return `CMP requests without a PKCS#10 will be refused, others are not concerned. ${faultOfOutcome(answer).reason}`;
}
