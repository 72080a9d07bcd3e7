import type { Connector } from '../../tenancy/connector.js';
import { refuseFaults } from '../fault.js';
import type { ConnectorKind } from './kinds.js';

type Settings = Readonly<Record<string, unknown>>;

/**
 * The settings that say where a stored secret is sent. Not EJBCA's: the key of a client certificate is never sent anywhere, and what TLS
 * signs with it is of no use to whoever is called.
 */
const addresses: Readonly<Record<ConnectorKind, { readonly secret: string; readonly settings: readonly string[] } | undefined>> = {
  'crypto-engine': { secret: 'clientSecret', settings: ['url', 'tokenUrl', 'dialect', 'authPath', 'namespace', 'trustedCa'] },
  smtp: { secret: 'password', settings: ['server', 'port', 'tls', 'trustedCa'] },
  ejbca: undefined,
};

/**
 * A stored secret goes only where it was given for: who changes the address, or who is believed to be there, gives it again or clears it.
 * Else whoever may edit a connector, and may not read its secret, could have it sent to a server of his own. Throws 400.
 */
export function refuseOldSecret(current: Connector, changed: Settings, patch: Settings | undefined): void {
  const kind = addresses[current.type];
  if (kind === undefined || current.secrets[kind.secret] === undefined || (patch !== undefined && Object.hasOwn(patch, kind.secret))) return;
  const moved = kind.settings.filter((name) => addressText(changed[name]) !== addressText(current.config[name]));
  const [first] = moved;
  if (first === undefined) return;
  const message = `"${first}" changes, and the stored secret is never sent where it was not given for. Give it again, or null to clear it.`;
  refuseFaults([{ path: `config.${kind.secret}`, message }]);
}

/** Two spellings of one address are one. */
function addressText(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value) ?? '';
  return URL.canParse(value) ? new URL(value).href.replace(/\/+$/, '') : value.trim().toLowerCase();
}
