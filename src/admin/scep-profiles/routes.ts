import { uuidv7 } from '../../runtime/ids.js';
import { tenantContext } from '../../tenancy/context.js';
import { withLegacyAlgorithms } from '../../tenancy/presets.js';
import type { AdminApp } from '../app.js';
import { callerOf } from '../caller.js';
import { listRoute } from '../list-route.js';
import { applyPatch } from '../merge-patch.js';
import { answers } from '../openapi.js';
import type { AdminParts } from '../ports.js';
import { issuingConnector } from '../profiles/connector.js';
import { profileListQuery, profileSummaryQuery } from '../profiles/field.js';
import { findProfile, type RowOf, removeProfile } from '../profiles/find.js';
import { profileColumns } from '../profiles/view.js';
import { changeRoute, type Resource, readRoute, removeRoute, sendCreated } from '../resource.js';
import { slugOf, withFreeSlug } from '../slug.js';
import { narrowed } from '../tenant-scope.js';
import { written } from '../write-fault.js';
import { changeChallenge, firstChallenge } from './challenge.js';
import {
  creationSchemaFor,
  newScepProfileSchema,
  patchableScep,
  scepProfileCreationSchema,
  scepProfilePage,
  scepProfilePatchSchema,
  scepProfileSchema,
  scepProfileView,
  scepSummarySchema,
} from './schema.js';

const tags = ['scep-profiles'];
const noFigures = { totalOrders: 0, successRate: null, activeFailedOrders: 0, averageProcessingMs: null, activeAccounts: 0 };
const nothingYet = { ...noFigures, previous: noFigures };

export function scepProfileRoutes(app: AdminApp, deps: AdminParts): void {
  const resource: Resource<RowOf<'scep'>, typeof scepProfileSchema> = {
    path: '/scep-profiles',
    tags,
    name: 'ScepProfile',
    one: 'a SCEP profile',
    access: { read: 'profile:read', write: 'profile:write' },
    schema: scepProfileSchema,
    find: (caller, id) => findProfile(deps, caller, 'scep', id),
    view: (_, row) => viewOf(row, deps),
  };

  listRoute(app, {
    path: '/scep-profiles',
    tags,
    operationId: 'listScepProfiles',
    summary: 'List SCEP profiles; `Accept: text/csv` gives all that match as a file',
    access: 'profile:read',
    query: profileListQuery,
    page: scepProfilePage,
    list: ({ context, query }) => deps.profiles.listScep(context, query),
    view: (items) => items.map((row) => viewOf(row, deps)),
    csv: { name: () => 'scep-profiles', viewColumns: { ...profileColumns, serverUrl: ({ serverUrl }) => serverUrl } },
  });

  app.get(
    '/scep-profiles/summary',
    {
      config: { access: 'profile:read' },
      schema: {
        tags,
        operationId: 'summariseScep',
        summary: 'The cards of the SCEP page',
        querystring: profileSummaryQuery,
        response: answers({ 200: scepSummarySchema }),
      },
    },
    async (request) => {
      const context = narrowed(callerOf(request), request.query.tenantId);
      return context === undefined ? nothingYet : deps.orderReader.summary(context, 'scep', request.query.window);
    },
  );

  app.post(
    '/scep-profiles',
    {
      config: { access: 'profile:write', bodySchema: creationSchemaFor },
      schema: {
        tags,
        operationId: 'createScepProfile',
        summary: 'Create a SCEP profile',
        body: scepProfileCreationSchema,
        response: answers({ 201: scepProfileSchema }),
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const {
        tenantId,
        endpointPath,
        challengeMode,
        challengePassword,
        publicBaseUrl,
        preset: _preset,
        legacyAlgorithms,
        hmac,
        webhook,
        intune,
        ...fields
      } = request.body;
      const id = uuidv7(deps.clock.now().getTime());
      const checks = { hmac, webhook, intune };
      const wishes = { wanted: checks, given: checks, now: deps.clock.now() };
      const challenge = firstChallenge({ challengeMode, challengePassword }, wishes, id, deps.challengeMacKey);
      const connector = await issuingConnector(deps, caller, fields.connectorId, tenantId);
      const context = tenantContext(connector.tenantId, caller.actor);
      const policy = legacyAlgorithms ? withLegacyAlgorithms(fields.policy) : fields.policy;
      const profile = { id, protocol: 'scep' as const, ...fields, policy, ...challenge, publicBaseUrl: publicBaseUrl ?? null };
      const create = (path: string) => deps.profiles.createScep(context, { ...profile, endpointPath: path });
      written(endpointPath === undefined ? await withFreeSlug(slugOf(fields.name, 'scep'), 'endpointPath', create) : await create(endpointPath));
      return sendCreated(reply, deps, resource, caller, await findProfile(deps, caller, 'scep', id));
    },
  );

  readRoute(app, resource);
  changeRoute(app, deps, resource, {
    body: scepProfilePatchSchema,
    async change({ caller, current, version, patch }) {
      const { tenantId, challengeMode, challengePassword, hmac, webhook, intune, ...changed } = applyPatch(
        newScepProfileSchema,
        patchableScep(current),
        patch,
        ['tenantId'],
      );
      const given = { hmac: patch.hmac, webhook: patch.webhook, intune: patch.intune };
      const wishes = { wanted: { hmac, webhook, intune }, given, now: deps.clock.now() };
      const challenge = changeChallenge(patch, current, wishes, current.id, deps.challengeMacKey);
      await issuingConnector(deps, caller, changed.connectorId, current.tenantId);
      const context = tenantContext(current.tenantId, caller.actor);
      const places = { endpointPath: changed.endpointPath ?? current.endpointPath, publicBaseUrl: changed.publicBaseUrl ?? null };
      written(await deps.profiles.updateScep(context, current.id, version, { ...changed, ...places, ...challenge }));
      return findProfile(deps, caller, 'scep', current.id);
    },
  });
  removeRoute(app, deps, resource, { remove: removeProfile(deps, 'scep') });
}

/** The endpoint at its path, unless another profile had that path until a moment ago. */
function viewOf(row: RowOf<'scep'>, deps: AdminParts) {
  const endpoint = deps.endpoints?.scep(row.endpointPath);
  return scepProfileView(row, deps.deviceUrl, endpoint?.profile.id === row.id ? endpoint : undefined);
}
