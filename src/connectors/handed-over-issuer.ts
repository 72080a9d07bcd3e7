import type { Issuer, IssuerName, IssuerViews } from '../enrolment/ports.js';
import type { Connector } from '../tenancy/connector.js';

const reason = 'This node serves devices only; a node with the role worker calls the CA.';

/**
 * A CA outside, on a node that holds no secrets of connectors: nothing goes out to it, so that orders and revocations are recorded and left to
 * nodes that may call it, and what it shows of itself is what those have seen.
 */
export function handedOverIssuer({ id, tenantId, config }: Connector, overrides: IssuerName['overrides'], views: Pick<IssuerViews, 'find'>): Issuer {
  const { timeoutMs, maxProcessingMs, concurrency } = config as unknown as Issuer['timing'];
  const seen = () => views.find({ connectorId: id, tenantId, overrides });
  return {
    timing: { timeoutMs, maxProcessingMs, concurrency },
    capabilities: { lookup: true, uniqueRef: false },
    mayCall: () => false,
    issue: async () => ({ kind: 'notSent', reason }),
    lookup: async () => ({ kind: 'unknown', reason }),
    revoke: async () => ({ ok: false, error: reason }),
    async chain() {
      const view = await seen();
      if (view === undefined) throw new Error('No node with the role worker has asked this CA for its certificates yet.');
      return view.chain;
    },
    crl: async () => (await seen())?.crl,
  };
}
