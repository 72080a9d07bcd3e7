import { timingSafeEqual } from 'node:crypto';
import { parseCertificate } from '../../pkix/index.js';
import { type CertStatus, certHash } from '../../protocol/cmp/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import { type Fault, fault } from './fault.js';

/** True when this certificate is accepted; its certReqId has been looked at. */
export function checkStatus(status: CertStatus, pvno: number, certificate: Buffer): Result<boolean, Fault> {
  if (status.hashAlg !== undefined && pvno < 3) return fail(fault('pvno-3', 'hashAlg'));
  const hash = checkHash(status, certificate);
  return hash.ok ? checkVerdict(status) : hash;
}

function checkHash(status: CertStatus, certificate: Buffer): Result<true, Fault> {
  const parsed = parseCertificate(certificate);
  if (!parsed.ok) throw parsed.error;
  const expected = certHash(parsed.value, status.hashAlg);
  if (!expected.ok) return fail(fault('cert-hash', 'unknown hash'));
  const isSame = status.certHash.length === expected.value.length && timingSafeEqual(status.certHash, expected.value);
  return isSame ? ok(true) : fail(fault('cert-hash'));
}

/** "statusInfo absent" means accepted; only accepted and rejection may stand there (RFC 9483 section 4.1.1). */
function checkVerdict(status: CertStatus): Result<boolean, Fault> {
  const { statusInfo } = status;
  if (statusInfo === undefined) return ok(true);
  if (statusInfo.status === 'rejection') return ok(false);
  if (statusInfo.status !== 'accepted') return fail(fault('cert-status', statusInfo.status));
  return statusInfo.failInfo === undefined ? ok(true) : fail(fault('cert-status', 'accepted with failInfo'));
}
