import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { Settings } from './settings.js';

export interface ConfigFault {
  readonly variable: string;
  readonly message: string;
}

/** What is wrong although every setting by itself is well-formed. */
export function faultsAcross(settings: Settings): readonly ConfigFault[] {
  return [...tlsFaults(settings), ...otherKeyFaults(settings), ...productionFaults(settings), ...oidcFaults(settings)];
}

function tlsFaults(settings: Settings): ConfigFault[] {
  const pairs = [
    ['GATEHOUSE_TLS_CERT_FILE', 'GATEHOUSE_TLS_KEY_FILE'],
    ['GATEHOUSE_ADMIN_TLS_CERT_FILE', 'GATEHOUSE_ADMIN_TLS_KEY_FILE'],
  ] as const;
  const faults: ConfigFault[] = [];
  for (const [cert, key] of pairs) {
    if ((settings[cert] === undefined) !== (settings[key] === undefined)) faults.push({ variable: cert, message: `and ${key} belong together; set both` });
    const texts = [cert, key].map((name) => {
      const file = settings[name];
      const text = file === undefined ? undefined : readIfReadable(file);
      if (file !== undefined && text === undefined) faults.push({ variable: name, message: `names a file that cannot be read: ${file}` });
      return text;
    });
    const reason = pairFault(texts[0], texts[1]);
    if (reason !== undefined) faults.push({ variable: cert, message: `and ${key} are no certificate with its key: ${reason}` });
  }
  return faults;
}

function readIfReadable(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

/** Why a TLS listener would not take these two; undefined when it would, or when one of them is missing. */
function pairFault(cert: Buffer | undefined, key: Buffer | undefined): string | undefined {
  if (cert === undefined || key === undefined) return undefined;
  try {
    createSecureContext({ cert, key });
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function otherKeyFaults({ GATEHOUSE_MASTER_KEY: key, GATEHOUSE_OTHER_MASTER_KEY: other, GATEHOUSE_DATABASE_URL: databaseUrl }: Settings): ConfigFault[] {
  if (other === undefined) return [];
  const variable = 'GATEHOUSE_OTHER_MASTER_KEY';
  if (key === undefined || databaseUrl === undefined)
    return [{ variable, message: 'needs GATEHOUSE_MASTER_KEY and GATEHOUSE_DATABASE_URL: the embedded database is stopped to change its key' }];
  return key.equals(other) ? [{ variable, message: 'is GATEHOUSE_MASTER_KEY again' }] : [];
}

function productionFaults(settings: Settings): ConfigFault[] {
  if (settings.GATEHOUSE_MODE === 'dev') {
    const isMany = (settings.GATEHOUSE_PROCESSES ?? 1) > 1 && settings.GATEHOUSE_DATABASE_URL === undefined;
    return isMany ? [{ variable: 'GATEHOUSE_PROCESSES', message: 'must be 1 with the embedded database; set GATEHOUSE_DATABASE_URL for more' }] : [];
  }
  const faults: ConfigFault[] = [];
  if (settings.GATEHOUSE_DATABASE_URL === undefined) {
    faults.push({ variable: 'GATEHOUSE_DATABASE_URL', message: 'is required in production: the embedded database does not survive a power cut' });
  }
  if (settings.GATEHOUSE_MASTER_KEY === undefined) {
    faults.push({ variable: 'GATEHOUSE_MASTER_KEY', message: 'is required in production (openssl rand -base64 32)' });
  }
  if (settings.GATEHOUSE_ADMIN_URL === undefined || !settings.GATEHOUSE_ADMIN_URL.startsWith('https:')) {
    faults.push({ variable: 'GATEHOUSE_ADMIN_URL', message: 'is required in production and must be https' });
  }
  if (settings.GATEHOUSE_DEVICE_URL === undefined) {
    faults.push({ variable: 'GATEHOUSE_DEVICE_URL', message: 'is required in production: the URL under which devices reach this server (http is fine)' });
  }
  return faults;
}

function oidcFaults(settings: Settings): ConfigFault[] {
  const issuer = settings.GATEHOUSE_OIDC_ISSUER;
  if (issuer === undefined) return [];
  const faults: ConfigFault[] = [];
  if (settings.GATEHOUSE_MODE === 'production' && !issuer.startsWith('https:'))
    faults.push({ variable: 'GATEHOUSE_OIDC_ISSUER', message: 'must be https in production' });
  for (const name of ['GATEHOUSE_OIDC_CLIENT_ID', 'GATEHOUSE_OIDC_CLIENT_SECRET'] as const) {
    if (settings[name] === undefined) faults.push({ variable: name, message: 'is required with GATEHOUSE_OIDC_ISSUER' });
  }
  for (const name of ['GATEHOUSE_OIDC_ROLES', 'GATEHOUSE_OIDC_TENANTS'] as const) {
    if (settings[name].size === 0) faults.push({ variable: name, message: 'is required with GATEHOUSE_OIDC_ISSUER: nobody could sign in' });
  }
  return faults;
}
