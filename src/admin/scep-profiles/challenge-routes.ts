import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { uuidv7 } from '../../runtime/ids.js';
import type { HmacCheck } from '../../tenancy/challenge-check.js';
import { type TenantContext, tenantContext } from '../../tenancy/context.js';
import { challengeMac, generateCredential } from '../../tenancy/credentials.js';
import { type DerivedChallenge, deriveChallenge } from '../../tenancy/derived-challenge.js';
import type { ScepProfile } from '../../tenancy/profile.js';
import type { AdminApp } from '../app.js';
import { type Caller, callerOf } from '../caller.js';
import { refuseFaults } from '../fault.js';
import { idParams } from '../field.js';
import { answers } from '../openapi.js';
import type { AdminParts } from '../ports.js';
import { findProfile } from '../profiles/find.js';
import { mintChallengeSchema, mintedChallengeSchema } from './challenge-schema.js';

const dayMs = 86_400_000;
const hourMs = 3_600_000;
const text = { 'text/plain': { schema: z.string().describe('The challenge alone') } };
const minted = { description: 'The challenge', content: { 'application/json': { schema: mintedChallengeSchema }, ...text } };

/** Challenges for one device each, made by whoever manages the devices (`minter` may do nothing else). */
export function scepChallengeRoutes(app: AdminApp, deps: AdminParts): void {
  app.post(
    '/scep-profiles/:id/challenges',
    {
      config: { access: 'challenge:mint' },
      schema: {
        tags: ['scep-profiles'],
        operationId: 'mintScepChallenge',
        summary: 'Make a challenge for one device, shown once (in mode hmac: derive it); with Accept: text/plain the challenge alone',
        params: idParams,
        body: mintChallengeSchema,
        response: answers({ 201: minted }),
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const profile = await findProfile(deps, caller, 'scep', request.params.id);
      const { challenge, expiresAt } = await makeChallenge(deps, caller, profile, request.body);
      reply.code(201).header('cache-control', 'no-store');
      if (wantsText(request)) return reply.type('text/plain; charset=utf-8').serializer(String).send(challenge);
      return reply.send({ challenge, expiresAt: expiresAt.toISOString() });
    },
  );
}

type Wanted = z.output<typeof mintChallengeSchema>;

/** A challenge for one device, the way the profile judges them; it is on record before it is given out. Throws 400 where the mode wants it otherwise. */
export async function makeChallenge(deps: AdminParts, caller: Caller, profile: ScepProfile, wanted: Wanted): Promise<DerivedChallenge> {
  const context = tenantContext(profile.tenantId, caller.actor);
  const check = profile.challengeCheck ?? undefined;
  if (check?.kind !== 'hmac') return mint(profile.id, context, wanted, deps);
  const derived = derive(profile.id, check, wanted, deps);
  await noteDerived(profile.id, context, wanted.deviceId, derived.expiresAt, deps);
  return derived;
}

async function mint(profileId: string, context: TenantContext, wanted: Wanted, deps: AdminParts): Promise<DerivedChallenge> {
  const { subject = null, sans = null, deviceId = null, uses, expiresAt: asked } = wanted;
  const expiresAt = expiryOf(asked, deps.clock.now());
  const challenge = generateCredential();
  const mac = challengeMac(deps.challengeMacKey, profileId, challenge);
  const id = uuidv7(deps.clock.now().getTime());
  await deps.challenges.mint(context, { id, profileId, mac, subject, sans, deviceId, maxUses: uses, expiresAt });
  return { challenge, expiresAt };
}

/** What management systems can compute themselves; nothing is stored before a device comes with it. */
function derive(profileId: string, { settings, secret }: HmacCheck, wanted: Wanted, deps: AdminParts): DerivedChallenge {
  const { deviceId: identity, subject, sans, uses } = wanted;
  const inProfile = 'Is set for the whole profile in mode hmac';
  refuseFaults([
    ...(identity === undefined ? [{ path: 'deviceId', message: `Required in mode hmac: the device's ${settings.identity} as its request will say it` }] : []),
    ...(subject === undefined ? [] : [{ path: 'subject', message: inProfile }]),
    ...(sans === undefined ? [] : [{ path: 'sans', message: inProfile }]),
    ...(uses === 1 ? [] : [{ path: 'uses', message: inProfile }]),
  ]);
  const now = deps.clock.now();
  const until = expiryOf(wanted.expiresAt, now, settings.maxHours);
  return deriveChallenge({ profileId, secret, identity: identity ?? '' }, until);
}

async function noteDerived(profileId: string, { tenantId, actor }: TenantContext, deviceId = '', expiresAt: Date, deps: AdminParts): Promise<void> {
  const details = { deviceId, expiresAt: expiresAt.toISOString() };
  await deps.audit.append({
    at: deps.clock.now(),
    tenantId,
    actor,
    action: 'challenge.derived',
    object: `profile:${profileId}`,
    outcome: 'success',
    details,
  });
}

const yearHours = 366 * 24;

function expiryOf(asked: string | undefined, now: Date, mostHours = yearHours): Date {
  if (asked === undefined) return new Date(now.getTime() + Math.min(dayMs, mostHours * hourMs));
  const expiresAt = new Date(asked);
  const ahead = expiresAt.getTime() - now.getTime();
  const most = mostHours === yearHours ? 'a year' : `${mostHours} hours`;
  if (ahead <= 0 || ahead > mostHours * hourMs) refuseFaults([{ path: 'expiresAt', message: `Must lie ahead, by ${most} at most` }]);
  return expiresAt;
}

/** Management systems put the answer into a profile as it is. JSON where nothing or both are asked for. */
function wantsText(request: FastifyRequest): boolean {
  const accept = request.headers.accept ?? '';
  return /\btext\/plain\b/.test(accept) && !/\bapplication\/json\b/.test(accept);
}
