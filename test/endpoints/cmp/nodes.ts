import { createSignerMemory, handleCmpMessage } from '../../../src/endpoints/cmp/index.js';
import type { Order } from '../../../src/enrolment/order.js';
import type { Issuer } from '../../../src/enrolment/ports.js';
import { createEnrolment, type EnrolmentDeps, enrolmentDeps } from '../../../src/enrolment/service.js';
import { parseCertificate } from '../../../src/pkix/index.js';
import { createMacKeys } from '../../../src/protocol/cmp/index.js';
import { stoppedClock } from '../../../src/runtime/clock.js';
import { createLog } from '../../../src/runtime/log.js';
import { Secret } from '../../../src/runtime/secret.js';
import { tenantContext } from '../../../src/tenancy/context.js';
import type { CmpEndpoint, LoadedRaKey } from '../../../src/tenancy/directory.js';
import { policySchema } from '../../../src/tenancy/policy.js';
import { endConfirmationsJob } from '../../../src/workers/end-confirmations.js';
import { issueOrdersJob } from '../../../src/workers/issue-orders.js';
import { lookUpOrdersJob } from '../../../src/workers/look-up-orders.js';
import type { Job } from '../../../src/workers/loop.js';
import { revokeCertificatesJob } from '../../../src/workers/revoke-certificates.js';
import { tendOrdersJob } from '../../../src/workers/tend-orders.js';
import { memoryDelayedAnswers } from '../../support/memory-delayed-answers.js';
import { type MemoryStore, memoryStore } from '../../support/memory-store.js';
import { cmpProfile } from '../../support/profiles.js';
import { runJob } from '../../support/run-job.js';
import { createSlowIssuer, type SlowIssuer } from '../../support/slow-issuer.js';
import { type ReadReply, readReply } from './requests.js';
import { newAuthority, newDevice, reference, secret } from './stage.js';

const jobs = {
  issue: issueOrdersJob,
  lookUp: lookUpOrdersJob,
  tend: tendOrdersJob,
  endConfirmations: endConfirmationsJob,
  revoke: revokeCertificatesJob,
} as const satisfies Record<string, (deps: EnrolmentDeps) => Job>;

/** One node of a house: it shares the store with the others, and nothing else. */
export interface Node {
  ask(bytes: Buffer): Promise<ReadReply>;
}

/** The real core over a store in memory, with a CA that does as it is told and a clock that is moved by hand. */
export interface House {
  readonly endpoint: CmpEndpoint;
  readonly store: MemoryStore;
  readonly ca: SlowIssuer;
  readonly clock: { advance(ms: number): void; now(): Date };
  readonly events: readonly string[];
  node(): Node;
  run(job: keyof typeof jobs): Promise<void>;
  decide(state: 'ACCEPTED' | 'REJECTED'): Promise<void>;
  orders(): readonly Order[];
}

export async function openHouse(
  cmp: Readonly<Record<string, unknown>> = {},
  more: Readonly<Record<string, unknown>> = {},
  change: Partial<Issuer> = {},
): Promise<House> {
  const clock = stoppedClock(new Date());
  const store = memoryStore(clock);
  const ca = await createSlowIssuer();
  const issuer: Issuer = { ...ca.issuer, ...change };
  const delaying = { store: memoryDelayedAnswers(clock), patienceMs: 20 };
  const log = createLog('silent');
  const events: string[] = [];
  const chain = (await ca.issuer.chain()).map((der) => {
    const parsed = parseCertificate(der);
    if (!parsed.ok) throw parsed.error;
    return parsed.value;
  });
  const profile = cmpProfile({ policy: policySchema.parse({ cmp, ...more }), endpointPath: 'house' });
  const endpoint: CmpEndpoint = { profile, raKeys: [newRaKey()], caChain: chain, trustAnchors: [] };
  const newDeps = () =>
    enrolmentDeps({
      ...store,
      orderReader: store.orderReader as never,
      credentials: { findSharedSecret: async (_context, profileId, asked) => (asked === reference ? sharedSecret(profileId) : undefined) },
      audit: { append: async (event) => void events.push(event.action) },
      issuers: { forProfile: async () => issuer, forOrder: async () => issuer },
      challengeMacKey: Buffer.alloc(32, 1),
      clock,
      log,
    });
  const worker = newDeps();
  const sharedSecret = (profileId: string) => ({
    id: 'secret-1',
    reference,
    profileId,
    tenantId: profile.tenantId,
    status: 'active' as const,
    expiresAt: null,
    createdAt: clock.now(),
    secret: new Secret(secret),
  });
  return {
    endpoint,
    store,
    ca,
    clock,
    events,
    node() {
      const deps = { enrolment: createEnrolment(newDeps()), clock, log, macKeys: createMacKeys(), signers: createSignerMemory(), delaying };
      return {
        async ask(bytes) {
          const reply = await handleCmpMessage(endpoint, bytes, { clientIp: '192.0.2.1' }, deps);
          if (reply.status !== 200) throw new Error(`HTTP ${reply.status}`);
          for (const { orderId, isConfirmed } of reply.delivered ?? []) deps.enrolment.noteDelivered(profile, orderId, isConfirmed);
          return readReply(reply.bytes);
        },
      };
    },
    run: (job) => runJob(jobs[job](worker)),
    async decide(state) {
      for (const order of store.all()) {
        await store.orders.move(tenantContext(profile.tenantId, 'user:admin'), order.id, ['AWAITING_APPROVAL'], state, 'test');
      }
    },
    orders: () => store.all(),
  };
}

function newRaKey(): LoadedRaKey {
  const { key, certificate } = newDevice('House RA', newAuthority('House RA CA'));
  return { id: 'ra-1', state: 'active', usage: 'both', origin: 'generated', certificate, chain: [], privateKey: key.privateKey, signer: key.signer };
}
