import { z } from 'zod';
import type { AdminApp } from '../app.js';
import { callerOf } from '../caller.js';
import { idParams, lineSchema } from '../field.js';
import { answers } from '../openapi.js';
import type { AdminParts } from '../ports.js';
import { findProfile } from '../profiles/find.js';
import { endpointUrl } from '../profiles/view.js';
import { mobileconfig } from '../snippets/mobileconfig.js';
import { makeChallenge } from './challenge-routes.js';

export const mobileconfigType = 'application/x-apple-aspen-config';

const wantedSchema = z
  .strictObject({ deviceId: lineSchema(64).min(1).describe('The common name of its certificate; orders are counted to it') })
  .meta({ id: 'AppleProfileRequest', description: 'The device a configuration profile is for' });

/** A configuration profile for one Apple device, with a challenge of its own; installing it enrols the device. */
export function scepMobileconfigRoute(app: AdminApp, deps: AdminParts): void {
  const file = { description: 'A configuration profile', content: { [mobileconfigType]: { schema: z.string() } } };
  app.post(
    '/scep-profiles/:id/mobileconfig',
    {
      config: { access: 'challenge:mint' },
      schema: {
        tags: ['scep-profiles'],
        operationId: 'makeAppleProfile',
        summary: 'Make an Apple configuration profile for one device, with a challenge of its own',
        params: idParams,
        body: wantedSchema,
        response: answers({ 201: file }),
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const profile = await findProfile(deps, caller, 'scep', request.params.id);
      const { deviceId } = request.body;
      const { challenge } = await makeChallenge(deps, caller, profile, { deviceId, uses: 1 });
      const url = endpointUrl(profile.publicBaseUrl ?? deps.deviceUrl, 'scep', profile.endpointPath);
      const chain = deps.endpoints?.scep(profile.endpointPath)?.caChain ?? [];
      const roots = chain.filter(({ issuer, subject }) => issuer.der.equals(subject.der)).map(({ der }) => der);
      const text = mobileconfig({ name: profile.name, url, profileId: profile.id, challenge, device: deviceId, roots });
      reply.code(201).type(mobileconfigType).header('cache-control', 'no-store').header('content-disposition', 'attachment; filename="scep.mobileconfig"');
      return reply.serializer(String).send(text as never);
    },
  );
}
