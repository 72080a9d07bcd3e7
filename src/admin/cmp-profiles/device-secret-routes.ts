import { uuidv7 } from '../../runtime/ids.js';
import { Secret } from '../../runtime/secret.js';
import { challengeMac, generateCredential } from '../../tenancy/credentials.js';
import type { DeviceSecretStore } from '../../tenancy/device-secret.js';
import type { AdminApp } from '../app.js';
import { type Caller, callerOf } from '../caller.js';
import { refuseFaults } from '../fault.js';
import { idParams } from '../field.js';
import { listRoute } from '../list-route.js';
import { answers } from '../openapi.js';
import type { AdminParts } from '../ports.js';
import { notFound, Problem } from '../problem.js';
import { enterProfile } from '../profiles/find.js';
import { removePartRoute } from '../resource.js';
import { mintChallengeSchema, mintedChallengeSchema } from '../scep-profiles/challenge-schema.js';
import {
  deviceSecretListQuery,
  deviceSecretPage,
  deviceSecretParams,
  deviceSecretView,
  mintDeviceSecretSchema,
  mintedDeviceSecretSchema,
} from './device-secret-schema.js';

const tags = ['cmp-profiles'];
const dayMs = 86_400_000;

/** What one device of a CMP profile shows: a shared secret of its own, or a token in its request. Both are shown once, to whoever makes them. */
export function deviceSecretRoutes(app: AdminApp, deps: AdminParts, secrets: DeviceSecretStore): void {
  const enter = (caller: Caller, id: string) => enterProfile(deps, caller, 'cmp', id);

  listRoute(app, {
    path: '/cmp-profiles/:id/device-secrets',
    tags,
    operationId: 'listDeviceSecrets',
    summary: 'List the shared secrets of single devices',
    access: 'profile:read',
    params: idParams,
    query: deviceSecretListQuery,
    page: deviceSecretPage,
    async list({ caller, query, id }) {
      const { profile, context } = await enter(caller, id);
      return secrets.list(context, profile.id, query);
    },
    view: (items) => items.map(deviceSecretView),
  });

  app.post(
    '/cmp-profiles/:id/device-secrets',
    {
      config: { access: 'challenge:mint' },
      schema: {
        tags,
        operationId: 'mintDeviceSecret',
        summary: 'Make a shared secret for one device, shown once',
        params: idParams,
        body: mintDeviceSecretSchema,
        response: answers({ 201: mintedDeviceSecretSchema }),
      },
    },
    async (request, reply) => {
      const { profile, context } = await enter(callerOf(request), request.params.id);
      const { subject = null, sans = null, label = null, uses, reference = generateCredential(16), expiresAt: asked } = request.body;
      const now = deps.clock.now();
      const [id, secret, expiresAt] = [uuidv7(now.getTime()), generateCredential(), timeAhead(asked, now, 7, 3_653)];
      const made = { id, profileId: profile.id, reference, label, subject, sans, maxUses: uses, expiresAt, secret: new Secret(Buffer.from(secret, 'utf8')) };
      if (!(await secrets.mint(context, made))) throw new Problem('conflict', { errors: [{ path: 'reference', message: 'Already taken' }] });
      reply.code(201).header('cache-control', 'no-store');
      return reply.send({ id, reference, secret, expiresAt: expiresAt.toISOString() });
    },
  );

  removePartRoute(app, {
    path: '/cmp-profiles/:id/device-secrets/:secretId',
    tags,
    operationId: 'removeDeviceSecret',
    summary: "End a device's shared secret; what it was given stays valid",
    access: 'profile:write',
    params: deviceSecretParams,
    async remove(caller, { id, secretId }) {
      const { profile, context } = await enter(caller, id);
      if (!(await secrets.remove(context, profile.id, secretId))) throw notFound();
    },
  });

  app.post(
    '/cmp-profiles/:id/registration-tokens',
    {
      config: { access: 'challenge:mint' },
      schema: {
        tags,
        operationId: 'mintRegistrationToken',
        summary: 'Make a token that a device shows as regToken or authenticator, shown once',
        params: idParams,
        body: mintChallengeSchema,
        response: answers({ 201: mintedChallengeSchema }),
      },
    },
    async (request, reply) => {
      const { profile, context } = await enter(callerOf(request), request.params.id);
      const { subject = null, sans = null, deviceId = null, uses, expiresAt: asked } = request.body;
      const now = deps.clock.now();
      const [challenge, expiresAt] = [generateCredential(), timeAhead(asked, now, 1, 366)];
      const mac = challengeMac(deps.challengeMacKey, profile.id, challenge);
      await deps.challenges.mint(context, { id: uuidv7(now.getTime()), profileId: profile.id, mac, subject, sans, deviceId, maxUses: uses, expiresAt });
      reply.code(201).header('cache-control', 'no-store');
      return reply.send({ challenge, expiresAt: expiresAt.toISOString() });
    },
  );
}

function timeAhead(asked: string | undefined, now: Date, usualDays: number, mostDays: number): Date {
  if (asked === undefined) return new Date(now.getTime() + usualDays * dayMs);
  const expiresAt = new Date(asked);
  const ahead = expiresAt.getTime() - now.getTime();
  if (ahead <= 0 || ahead > mostDays * dayMs) refuseFaults([{ path: 'expiresAt', message: `Must lie ahead, by ${mostDays} days at most` }]);
  return expiresAt;
}
