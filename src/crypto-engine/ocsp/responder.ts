import { createHash } from 'node:crypto';
import { serialHex } from '../../pkix/index.js';
import { oids } from '../../protocol/der/index.js';
import type { Clock } from '../../runtime/clock.js';
import type { LoadedCa } from '../loaded-ca.js';
import type { EngineStore, OcspAnswer } from '../ports.js';
import { type CertId, type OcspRequest, parseOcspRequest } from './request.js';
import { type CertStatus, faultResponse, type OcspFault, type SingleAnswer, signResponse } from './response.js';
import { createResponders } from './signers.js';

export interface OcspResponder {
  /** `request`: OCSPRequest, DER. Never rejects: what cannot be answered is answered with a status that says so. */
  respond(request: Buffer): Promise<OcspAnswer>;
  /** Makes the keys of CAs in force ahead of time. Returns how many were made. */
  renewSigners(): Promise<number>;
  /** The status of a certificate has changed: the next one who asks hears of it. */
  forget(caId: string, serial: string): void;
}

interface Parts {
  readonly store: EngineStore;
  readonly clock: Clock;
  /** Every CA with its key, root included. */
  readonly cas: () => readonly LoadedCa[];
}

/** How long an answer says it is good. */
const answerMs = 3_600_000;
/** Another process may have revoked something: how long a prebuilt answer is given without a look at the store. */
const keptMs = 30_000;
const mostKept = 10_000;

const hashes: Readonly<Record<string, string>> = { [oids.sha1]: 'sha1', [oids.sha256]: 'sha256', [oids.sha384]: 'sha384', [oids.sha512]: 'sha512' };

interface Kept {
  readonly answer: OcspAnswer;
  readonly builtAt: number;
}

/**
 * RFC 6960, and the profile of RFC 5019 for answers that caches may keep: one CertID, no nonce. Those are signed once and given again;
 * the others are signed each time. The state comes from the store; while that cannot be read, an answer that is still good goes on being given.
 */
export function createOcspResponder({ store, clock, cas }: Parts): OcspResponder {
  const responders = createResponders(store, clock);
  const kept = new Map<string, Kept>();
  const keyOf = (caId: string, { hashAlgorithm, serial }: CertId): string => `${caId} ${serial} ${hashAlgorithm}`;

  async function statusOf(ca: LoadedCa, serial: string): Promise<CertStatus> {
    const recorded = await store.findBySerial(ca.id, serial);
    if (recorded?.revokedAt) return { kind: 'revoked', at: recorded.revokedAt, reason: recorded.reason ?? 0 };
    return { kind: recorded !== undefined || isAuthority(ca, serial, cas()) ? 'good' : 'unknown' };
  }

  async function build(ca: LoadedCa, { certIds, nonce }: OcspRequest): Promise<OcspAnswer> {
    const responder = await responders.of(ca);
    const answers: SingleAnswer[] = [];
    for (const certId of certIds) answers.push({ certId, status: await statusOf(ca, certId.serial) });
    const thisUpdate = new Date(Math.floor(clock.now().getTime() / 1000) * 1000);
    const nextUpdate = new Date(Math.min(thisUpdate.getTime() + answerMs, responder.notAfter.getTime()));
    const content = { answers, thisUpdate, nextUpdate, nonce };
    const der = signResponse(content, responder.signer, responder.certificate);
    return { der, validity: certIds.length === 1 && nonce === undefined ? { thisUpdate, nextUpdate } : undefined };
  }

  async function prebuilt(ca: LoadedCa, request: OcspRequest, certId: CertId): Promise<OcspAnswer> {
    const key = keyOf(ca.id, certId);
    const standing = kept.get(key);
    const now = clock.now().getTime();
    if (standing !== undefined && now >= standing.builtAt && now - standing.builtAt < keptMs) return standing.answer;
    try {
      const answer = await build(ca, request);
      if (kept.size >= mostKept) kept.clear();
      kept.set(key, { answer, builtAt: now });
      return answer;
    } catch (error) {
      const isGood = standing?.answer.validity !== undefined && standing.answer.validity.nextUpdate.getTime() > now;
      if (standing === undefined || !isGood) throw error;
      return standing.answer;
    }
  }

  return {
    async respond(bytes) {
      const request = parseOcspRequest(bytes);
      if (!request.ok) return faultAnswer('malformedRequest');
      const [first] = request.value.certIds;
      const issuers = new Set(request.value.certIds.map((certId) => cas().find((ca) => isIssuer(ca, certId))));
      const [ca] = issuers;
      // Of another CA, or of two of ours: no one key may answer for both.
      if (first === undefined || ca === undefined || issuers.size > 1) return faultAnswer('unauthorized');
      const isSimple = request.value.certIds.length === 1 && request.value.nonce === undefined;
      const answering = isSimple ? prebuilt(ca, request.value, first) : build(ca, request.value);
      return answering.catch(() => faultAnswer('tryLater'));
    },
    async renewSigners() {
      let made = 0;
      for (const ca of cas().filter(({ certificate }) => certificate.notAfter > clock.now())) if (await responders.renew(ca)) made += 1;
      return made;
    },
    forget(caId, serial) {
      for (const hashAlgorithm of Object.keys(hashes)) kept.delete(`${caId} ${serial} ${hashAlgorithm}`);
    },
  };
}

function faultAnswer(fault: OcspFault): OcspAnswer {
  return { der: faultResponse(fault), validity: undefined };
}

/** Hashes of the CA's name and of its key's bits, without tag, length and unused bits. */
function isIssuer({ certificate }: LoadedCa, { hashAlgorithm, issuerNameHash, issuerKeyHash }: CertId): boolean {
  const digest = hashes[hashAlgorithm];
  if (digest === undefined) return false;
  const hashOf = (bytes: Buffer) => createHash(digest).update(bytes).digest();
  return hashOf(certificate.subject.der).equals(issuerNameHash) && hashOf(certificate.publicKey.bits).equals(issuerKeyHash);
}

/** The certificates of the CAs themselves stand in no list of what was issued. */
function isAuthority(issuer: LoadedCa, serial: string, cas: readonly LoadedCa[]): boolean {
  return cas.some(({ certificate }) => certificate.issuer.der.equals(issuer.certificate.subject.der) && serialHex(certificate.serial) === serial);
}
