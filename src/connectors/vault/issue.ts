import type { CertificateRequest } from '../../enrolment/ports.js';
import { fromPem, toPem } from '../../pkix/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import type { VaultClient } from './client.js';
import { fault, type VaultFault } from './faults.js';
import { nameFields } from './names.js';
import { readJson, signAnswer } from './wire.js';

export interface SignPlace {
  /** Name or id of an issuer; the default issuer of the role or mount when absent. */
  readonly issuer: string | undefined;
  readonly role: string;
  readonly isVerbatim: boolean;
}

export interface Signed {
  readonly certificate: Buffer;
  /** Issuing CA first; empty where Vault sent none. */
  readonly chain: readonly Buffer[];
}

/** One call that signs the PKCS#10. Vault knows no key that makes a repeated call the same call. */
export async function sign(client: VaultClient, place: SignPlace, request: CertificateRequest, deadline: AbortSignal): Promise<Result<Signed, VaultFault>> {
  const verb = place.isVerbatim ? 'sign-verbatim' : 'sign';
  const [before, routeBefore] = place.issuer === undefined ? ['', ''] : [`issuer/${encodeURIComponent(place.issuer)}/`, 'issuer/*/'];
  const asked = {
    method: 'POST',
    path: `${before}${verb}/${encodeURIComponent(place.role)}`,
    route: `${routeBefore}${verb}/*`,
    body: signBody(request, place.isVerbatim),
  } as const;
  const answer = await client.call(asked, deadline);
  if (!answer.ok) return answer;
  const read = readJson(signAnswer, answer.value.body);
  const [certificate] = read === undefined ? [] : fromPem('CERTIFICATE', read.data.certificate);
  if (read === undefined || certificate === undefined) return fail(fault('internal', 'an answer without a certificate'));
  const { issuing_ca: issuingCa = '', ca_chain: chain } = read.data;
  return ok({ certificate, chain: distinct([issuingCa, ...(chain ?? [])].flatMap((pem) => fromPem('CERTIFICATE', pem))) });
}

/** Vault's names for the bits of keyUsage, where they are not ours with a capital letter. */
const usageNames: Readonly<Record<string, string>> = { nonRepudiation: 'ContentCommitment', cRLSign: 'CRLSign', keyCertSign: 'CertSign' };

function signBody(request: CertificateRequest, isVerbatim: boolean): object {
  const common = { csr: toPem('CERTIFICATE REQUEST', request.pkcs10 ?? Buffer.alloc(0)), format: 'pem', ttl: `${request.validitySeconds}s` };
  if (!isVerbatim) return { ...common, ...nameFields(request), exclude_cn_from_sans: true };
  const usages = request.keyUsage.map((usage) => usageNames[usage] ?? `${usage[0]?.toUpperCase()}${usage.slice(1)}`);
  return { ...common, key_usage: usages, ext_key_usage: [], ext_key_usage_oids: [...request.extendedKeyUsage] };
}

export function distinct(certificates: readonly Buffer[]): readonly Buffer[] {
  return certificates.filter((der, index) => certificates.findIndex((other) => other.equals(der)) === index);
}
