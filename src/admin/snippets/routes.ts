import type { AdminApp } from '../app.js';
import { callerOf } from '../caller.js';
import { idParams } from '../field.js';
import { answers } from '../openapi.js';
import type { AdminParts } from '../ports.js';
import { findProfile } from '../profiles/find.js';
import { endpointUrl } from '../profiles/view.js';
import { cmpSnippets } from './cmp.js';
import { scepSnippets } from './scep.js';
import { snippetList } from './schema.js';

const response = answers({ 200: snippetList });

export function snippetRoutes(app: AdminApp, deps: AdminParts): void {
  app.get(
    '/scep-profiles/:id/snippets',
    {
      config: { access: 'profile:read' },
      schema: { tags: ['scep-profiles'], operationId: 'getScepSnippets', summary: 'How clients enrol with a SCEP profile', params: idParams, response },
    },
    async (request) => {
      const row = await findProfile(deps, callerOf(request), 'scep', request.params.id);
      const { id: profileId, name, challengeMode } = row;
      const url = endpointUrl(row.publicBaseUrl ?? deps.deviceUrl, 'scep', row.endpointPath);
      return { items: [...scepSnippets({ name, url, profileId, challengeMode })] };
    },
  );

  app.get(
    '/cmp-profiles/:id/snippets',
    {
      config: { access: 'profile:read' },
      schema: { tags: ['cmp-profiles'], operationId: 'getCmpSnippets', summary: 'How clients enrol with a CMP profile', params: idParams, response },
    },
    async (request) => {
      const row = await findProfile(deps, callerOf(request), 'cmp', request.params.id);
      const url = endpointUrl(row.javaBaseUrl ?? deps.deviceUrl, 'cmp', row.endpointPath);
      return { items: [...cmpSnippets({ url, profileId: row.id, policy: row.policy })] };
    },
  );
}
