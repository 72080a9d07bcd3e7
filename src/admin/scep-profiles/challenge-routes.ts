import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { uuidv7 } from '../../runtime/ids.js';
import { tenantContext } from '../../tenancy/context.js';
import { challengeMac, generateCredential } from '../../tenancy/credentials.js';
import type { AdminApp } from '../app.js';
import { callerOf } from '../caller.js';
import { refuseFaults } from '../fault.js';
import { idParams } from '../field.js';
import { answers } from '../openapi.js';
import type { AdminParts } from '../ports.js';
import { findProfile } from '../profiles/find.js';
import { mintChallengeSchema, mintedChallengeSchema } from './challenge-schema.js';

const dayMs = 86_400_000;
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
        summary: 'Make a challenge for one device, shown once; with Accept: text/plain the challenge alone',
        params: idParams,
        body: mintChallengeSchema,
        response: answers({ 201: minted }),
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const { id: profileId, tenantId } = await findProfile(deps, caller, 'scep', request.params.id);
      const { subject = null, sans = null, deviceId = null, uses, expiresAt: asked } = request.body;
      const expiresAt = expiryOf(asked, deps.clock.now());
      const challenge = generateCredential();
      const mac = challengeMac(deps.challengeMacKey, profileId, challenge);
      const id = uuidv7(deps.clock.now().getTime());
      const context = tenantContext(tenantId, caller.actor);
      await deps.challenges.mint(context, { id, profileId, mac, subject, sans, deviceId, maxUses: uses, expiresAt });
      reply.code(201).header('cache-control', 'no-store');
      if (wantsText(request)) return reply.type('text/plain; charset=utf-8').serializer(String).send(challenge);
      return reply.send({ challenge, expiresAt: expiresAt.toISOString() });
    },
  );
}

function expiryOf(asked: string | undefined, now: Date): Date {
  if (asked === undefined) return new Date(now.getTime() + dayMs);
  const expiresAt = new Date(asked);
  const ahead = expiresAt.getTime() - now.getTime();
  if (ahead <= 0 || ahead > 366 * dayMs) refuseFaults([{ path: 'expiresAt', message: 'Must lie ahead, by a year at most' }]);
  return expiresAt;
}

/** Management systems put the answer into a profile as it is. JSON where nothing or both are asked for. */
function wantsText(request: FastifyRequest): boolean {
  const accept = request.headers.accept ?? '';
  return /\btext\/plain\b/.test(accept) && !/\bapplication\/json\b/.test(accept);
}
