import { tenantContext } from '../../tenancy/context.js';
import { retireRaKey } from '../../tenancy/retire-ra-key.js';
import type { AdminApp } from '../app.js';
import { type Caller, callerOf } from '../caller.js';
import { refuseFaults } from '../fault.js';
import { idParams } from '../field.js';
import { answers } from '../openapi.js';
import type { AdminParts } from '../ports.js';
import { notFound, Problem } from '../problem.js';
import { enterProfile, type RowOf } from '../profiles/find.js';
import { importedKeys } from './import.js';
import { readPfx } from './read-pfx.js';
import { importRaKeySchema, preparedSchema, raKeyListSchema, raKeyParams, raKeyView, shownCertificate } from './schema.js';

const tags = ['scep-profiles'];

/** The RA keys of a SCEP profile: made and renewed by a background job; here they are seen, imported, prepared ahead of time and retired. */
export function raKeyRoutes(app: AdminApp, deps: AdminParts): void {
  const enter = (caller: Caller, id: string) => enterProfile(deps, caller, 'scep', id);

  app.get(
    '/scep-profiles/:id/ra-keys',
    {
      config: { access: 'profile:read' },
      schema: {
        tags,
        operationId: 'listRaKeys',
        summary: 'List the RA keys, with fingerprints',
        params: idParams,
        response: answers({ 200: raKeyListSchema }),
      },
    },
    async (request) => listing((await enter(callerOf(request), request.params.id)).profile, deps),
  );

  app.post(
    '/scep-profiles/:id/ra-keys/import',
    {
      config: { access: 'profile:ra-keys' },
      schema: {
        tags,
        operationId: 'importRaKeys',
        summary: 'Import the RA keys of the server before, so that devices that know its RA certificate are still answered',
        params: idParams,
        body: importRaKeySchema,
        response: answers({ 201: raKeyListSchema }),
      },
    },
    async (request, reply) => {
      const { profile, context } = await enter(callerOf(request), request.params.id);
      const { pfx, password, keepUntil: until } = request.body;
      const keepUntil = until === null ? null : new Date(until);
      if (keepUntil !== null && keepUntil <= deps.clock.now()) refuseFaults([{ path: 'keepUntil', message: 'Must lie ahead' }]);
      const read = await readPfx(Buffer.from(pfx, 'base64'), password);
      if (!read.ok) return refusePfx(read.error);
      const keys = importedKeys(read.value, profile.id, keepUntil, await deps.credentials.listRaKeys(context, profile.id));
      if (!keys.ok) return refusePfx(keys.error);
      for (const key of keys.value) await deps.credentials.addRaKey(context, key);
      deps.notifyConfigChanged();
      return reply.code(201).send(await listing(profile, deps));
    },
  );

  app.post(
    '/scep-profiles/:id/ra-keys/prepare',
    {
      config: { access: 'profile:ra-keys' },
      schema: {
        tags,
        operationId: 'prepareRaKeys',
        summary: 'Prepare successors of the RA keys in use: announced by GetNextCACert at once, in use after a week or when the old key is retired',
        params: idParams,
        response: answers({ 200: preparedSchema }),
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const { profile } = await enter(caller, request.params.id);
      const outcome = await deps.prepareRaKeys?.(profile, caller.actor);
      if (outcome === undefined) throw new Problem('unavailable', { detail: 'This node makes no RA keys.' });
      deps.notifyConfigChanged();
      return { outcome, ...(await listing(profile, deps)) };
    },
  );

  app.post(
    '/scep-profiles/:id/ra-keys/:keyId/retire',
    {
      config: { access: 'profile:ra-keys' },
      schema: {
        tags,
        operationId: 'retireRaKey',
        summary: 'Retire an RA key: of one in use the successor takes over at once, any other is destroyed',
        params: raKeyParams,
        response: answers({ 200: raKeyListSchema }),
      },
    },
    async (request) => {
      const { profile, context } = await enter(callerOf(request), request.params.id);
      const retired = await retireRaKey(context, profile.id, request.params.keyId, deps.credentials);
      if (!retired.ok) throw retired.error === 'unknown' ? notFound() : new Problem('wrong-state', { detail: retired.error.says });
      deps.notifyConfigChanged();
      return listing(profile, deps);
    },
  );
}

function refusePfx(message: string): never {
  refuseFaults([{ path: 'pfx', message }]);
  throw new Error(message);
}

async function listing(profile: RowOf<'scep'>, deps: AdminParts) {
  const keys = await deps.credentials.listRaKeys(tenantContext(profile.tenantId, 'admin'), profile.id);
  const authorities = deps.endpoints?.scep(profile.endpointPath)?.caChain ?? [];
  return { items: keys.filter((key) => key.purpose === 'scep').map(raKeyView), authorities: authorities.map(shownCertificate) };
}
