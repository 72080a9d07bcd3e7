import { fail, ok, type Result } from '../../runtime/result.js';

/** The roots of EJBCA's services on one host. */
export interface ServiceUrls {
  readonly rest: string;
  readonly soap: string;
  /** Where anyone may fetch CA certificates and CRLs. */
  readonly distribution: string;
}

/** A pasted address of a page or service of EJBCA says as much as the origin alone. */
const knownPaths = /\/ejbca(\/.*)?$/;

/** From "Connector URL", with or without a path behind `/ejbca`; what stands before it (a proxy's prefix) is kept. The error says what is wrong. */
export function serviceUrls(connectorUrl: string, caUrl?: string): Result<ServiceUrls, string> {
  const url = URL.canParse(connectorUrl) ? new URL(connectorUrl) : undefined;
  if (url === undefined) return fail('The connector URL cannot be read; it looks like https://ejbca.example:8443.');
  if (url.protocol !== 'https:') return fail('The connector URL must begin with https://, because EJBCA knows a client by its TLS certificate.');
  if (url.username !== '' || url.password !== '') return fail('The connector URL must not hold a user name or password.');
  const root = `${url.origin}${url.pathname.replace(knownPaths, '').replace(/\/+$/, '')}/ejbca`;
  return ok({ rest: `${root}/ejbca-rest-api`, soap: `${root}/ejbcaws/ejbcaws`, distribution: distributionOf(caUrl) ?? `${root}/publicweb/webdist/certdist` });
}

function distributionOf(caUrl: string | undefined): string | undefined {
  if (caUrl === undefined || caUrl === '' || !URL.canParse(caUrl)) return undefined;
  const url = new URL(caUrl);
  const path = url.pathname.replace(/\/+$/, '');
  if (/\/certdist$/.test(path)) return `${url.origin}${path}`;
  return `${url.origin}${path.replace(knownPaths, '')}/ejbca/publicweb/webdist/certdist`;
}
