import { type Connector, issuingConnectorTypes } from '../../tenancy/connector.js';
import { type Caller, contextOf } from '../caller.js';
import { refuseFaults } from '../fault.js';
import type { AdminParts } from '../ports.js';

const issuing: readonly string[] = issuingConnectorTypes;

/** The connector a profile names: it must be visible to the caller, of the profile's tenant (where that is given) and able to issue.
 *  Throws 400 at `connectorId`; a connector of another tenant does not exist. */
export async function issuingConnector(deps: AdminParts, caller: Caller, id: string, tenantId: string | undefined): Promise<Connector> {
  const connector = await deps.connectors.find(contextOf(caller), id);
  const isForeign = connector === undefined || (caller.tenantId ?? tenantId ?? connector.tenantId) !== connector.tenantId;
  if (isForeign || (tenantId !== undefined && tenantId !== connector.tenantId)) refuse('No such connector in this tenant');
  else if (!issuing.includes(connector.type)) refuse('This connector does not issue certificates');
  return connector as Connector;
}

function refuse(message: string): void {
  refuseFaults([{ path: 'connectorId', message }]);
}
