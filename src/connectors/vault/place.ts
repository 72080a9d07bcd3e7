import { fail, ok, type Result } from '../../runtime/result.js';

/** Where in Vault a connector works. */
export interface VaultPlace {
  /** `https://vault.example:8200`, with whatever path a proxy puts before `/v1`. */
  readonly base: string;
  /** Of the PKI secrets engine: `pki`, or `team/pki`. */
  readonly mount: string;
}

const segment = /^[A-Za-z0-9._~-]+$/;

/** Whether a text can stand in Vault's paths: names joined by slashes, none of them dots only. */
export function isVaultPath(text: string): boolean {
  return text.split('/').every((part) => segment.test(part) && !/^\.+$/.test(part));
}

/** Reads `https://vault.example:8200/v1/pki`; without `/v1` the whole path is the mount, without a path it is `pki`. */
export function readPlace(text: string): Result<VaultPlace, string> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) return fail('The URL cannot be read; it looks like https://vault.example:8200/v1/pki.');
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return fail('The URL must begin with https:// or http://.');
  if (url.username !== '' || url.password !== '') return fail('The URL must not hold a user name or password; use client id (role_id) and secret (secret_id).');
  if (url.search !== '' || url.hash !== '') return fail('The URL must end with the path of the secrets engine, without ? or #.');
  const path = url.pathname.replace(/\/+$/, '');
  const [, before = '', behind = path] = /^(.*?)\/v1(?:\/(.*))?$/.exec(path) ?? [];
  const mount = behind.replace(/^\/+/, '') || 'pki';
  if (!isVaultPath(mount)) return fail(`"${mount}" is no path of a secrets engine.`);
  return ok({ base: `${url.origin}${before}`, mount });
}
