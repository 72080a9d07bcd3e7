import { Secret } from '../../runtime/secret.js';
import { withClientCertificate } from './client-certificate.js';
import { type ConnectorKind, connectorKinds } from './kinds.js';

type Settings = Readonly<Record<string, unknown>>;

interface Parted {
  readonly config: Settings;
  readonly secrets: Readonly<Record<string, Secret>>;
}

/** Settings in the form in which they are kept; `current`: those that stand there. Throws 400 on what cannot be used. */
export async function settingsToKeep(type: ConnectorKind, settings: Settings, current: Settings | undefined, now: Date): Promise<Settings> {
  return type === 'ejbca' ? withClientCertificate(settings, current, now) : settings;
}

/** The name under which a secret is stored: a password that only opens a file goes with it. */
export function keptAs(name: string): string {
  return name === 'pfxPassword' ? 'pfx' : name;
}

/** Parts the secrets from the other settings: they are stored apart and never read back. */
export function partSecrets(type: ConnectorKind, settings: Settings): Parted {
  const names: readonly string[] = connectorKinds[type].secrets;
  const isSecret = (name: string): boolean => names.includes(name);
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  return {
    config: Object.fromEntries(given.filter(([name]) => !isSecret(name))),
    secrets: Object.fromEntries(given.filter(([name]) => isSecret(name)).map(([name, value]) => [name, new Secret(String(value))])),
  };
}

/** Secrets that a patch clears by null. */
export function clearedSecrets(type: ConnectorKind, patch: Settings | undefined): Readonly<Record<string, null>> {
  return Object.fromEntries(connectorKinds[type].secrets.filter((name) => patch?.[name] === null).map((name) => [name, null]));
}
