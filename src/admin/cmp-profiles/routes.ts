import { uuidv7 } from '../../runtime/ids.js';
import { tenantContext } from '../../tenancy/context.js';
import type { AdminApp } from '../app.js';
import { type Caller, callerOf } from '../caller.js';
import { idParams } from '../field.js';
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
import { addSecret, shownOnce } from './credentials.js';
import {
  type CmpCredentials,
  cmpProfilePage,
  cmpProfilePatchSchema,
  cmpProfileSchema,
  cmpProfileSettings,
  cmpProfileView,
  cmpSummarySchema,
  credentialsView,
  newCmpProfileSchema,
  patchableCmp,
  rotatedSecretSchema,
  rotateSecretSchema,
} from './schema.js';

const tags = ['cmp-profiles'];
const noFigures = { totalOrders: 0, successRate: null, failedOrders: 0, averageProcessingMs: null, activeAccounts: 0 };
const nothingYet = { ...noFigures, activeOrders: 0, previous: noFigures };

export function cmpProfileRoutes(app: AdminApp, deps: AdminParts): void {
  const viewOf = async (caller: Caller, row: RowOf<'cmp'>, credentials?: CmpCredentials) => {
    const context = tenantContext(row.tenantId, caller.actor);
    const shown = credentials ?? credentialsView(await deps.credentials.listSharedSecrets(context, row.id));
    return { ...cmpProfileView(row, deps.deviceUrl), credentials: shown };
  };
  const resource: Resource<RowOf<'cmp'>, typeof cmpProfileSchema> = {
    path: '/cmp-profiles',
    tags,
    name: 'CmpProfile',
    one: 'a CMP profile',
    access: { read: 'profile:read', write: 'profile:write' },
    schema: cmpProfileSchema,
    find: (caller, id) => findProfile(deps, caller, 'cmp', id),
    view: viewOf,
  };

  listRoute(app, {
    path: '/cmp-profiles',
    tags,
    operationId: 'listCmpProfiles',
    summary: 'List CMP profiles; `Accept: text/csv` gives all that match as a file',
    access: 'profile:read',
    query: profileListQuery,
    page: cmpProfilePage,
    list: ({ context, query }) => deps.profiles.listCmp(context, query),
    view: (items) => items.map((row) => cmpProfileView(row, deps.deviceUrl)),
    csv: { name: () => 'cmp-profiles', viewColumns: { ...profileColumns, cmpUrl: ({ cmpUrl }) => cmpUrl } },
  });

  app.get(
    '/cmp-profiles/summary',
    {
      config: { access: 'profile:read' },
      schema: {
        tags,
        operationId: 'summariseCmp',
        summary: 'The cards of the CMP page',
        querystring: profileSummaryQuery,
        response: answers({ 200: cmpSummarySchema }),
      },
    },
    async (request) => {
      const context = narrowed(callerOf(request), request.query.tenantId);
      return context === undefined ? nothingYet : deps.orderReader.summary(context, 'cmp', request.query.window);
    },
  );

  app.post(
    '/cmp-profiles',
    {
      config: { access: 'profile:write' },
      schema: {
        tags,
        operationId: 'createCmpProfile',
        summary: 'Create a CMP profile; a generated secret is shown in the answer only',
        body: newCmpProfileSchema,
        response: answers({ 201: cmpProfileSchema }),
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const { tenantId, endpointPath, credentials, javaBaseUrl, ...fields } = request.body;
      const connector = await issuingConnector(deps, caller, fields.connectorId, tenantId);
      const context = tenantContext(connector.tenantId, caller.actor);
      const id = uuidv7(deps.clock.now().getTime());
      const profile = { id, protocol: 'cmp' as const, ...fields, javaBaseUrl: javaBaseUrl ?? null };
      const create = (path: string) => deps.profiles.createCmp(context, { ...profile, endpointPath: path });
      written(endpointPath === undefined ? await withFreeSlug(slugOf(fields.name, 'cmp'), 'endpointPath', create) : await create(endpointPath));
      const added = await addSecret(deps, context, id, credentials);
      const row = await findProfile(deps, caller, 'cmp', id);
      return sendCreated(reply, deps, resource, caller, row, await viewOf(caller, row, shownOnce(added, credentials)));
    },
  );

  readRoute(app, resource);
  changeRoute(app, deps, resource, {
    body: cmpProfilePatchSchema,
    async change({ caller, current, version, patch }) {
      const { tenantId, ...changed } = applyPatch(cmpProfileSettings, patchableCmp(current), patch, ['tenantId']);
      await issuingConnector(deps, caller, changed.connectorId, current.tenantId);
      const context = tenantContext(current.tenantId, caller.actor);
      const change = { ...changed, endpointPath: changed.endpointPath ?? current.endpointPath, javaBaseUrl: changed.javaBaseUrl ?? null };
      written(await deps.profiles.updateCmp(context, current.id, version, change));
      return findProfile(deps, caller, 'cmp', current.id);
    },
  });
  removeRoute(app, deps, resource, { remove: removeProfile(deps, 'cmp') });

  app.post(
    '/cmp-profiles/:id/rotate-secret',
    {
      config: { access: 'profile:rotate-secret' },
      schema: {
        tags,
        operationId: 'rotateCmpSecret',
        summary: 'Make a new shared secret, shown once; the old one works on for a while',
        params: idParams,
        body: rotateSecretSchema,
        response: answers({ 200: rotatedSecretSchema }),
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const { id, tenantId } = await findProfile(deps, caller, 'cmp', request.params.id);
      const context = tenantContext(tenantId, caller.actor);
      const grace = request.body?.graceSeconds ?? deps.limits.secretGraceSeconds;
      const previousValidUntil = new Date(deps.clock.now().getTime() + grace * 1000);
      const added = await addSecret(deps, context, id);
      await deps.credentials.retireSharedSecrets(context, id, added.id, previousValidUntil);
      deps.notifyConfigChanged();
      return { reference: added.reference, secret: added.secret, previousValidUntil: previousValidUntil.toISOString() };
    },
  );
}
