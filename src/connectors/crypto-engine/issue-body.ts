import { createHash } from 'node:crypto';
import type { CertificateRequest } from '../../enrolment/ports.js';
import { type GeneralName, nameToText, parseName, readGeneralName, toPem } from '../../pkix/index.js';
import { Cursor, contextConstructed, guarded, tag } from '../../protocol/der/index.js';
import { timeOfRef } from '../order-ref.js';
import type { IssueBody } from './wire.js';

const userPrincipalName = '1.3.6.1.4.1.311.20.2.3';
const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const refPattern = new RegExp(`^(${uuid})-(.+)$`);

/**
 * The body of an issue call. The same ref and request give the same bytes at any time, because the engine compares them under
 * one Idempotency-Key: so the validity counts from the time in the ref's UUIDv7 (when the order was made), not from now.
 */
export function issueBody(ref: string, request: CertificateRequest, profileId: string | undefined, now: Date): IssueBody {
  const from = (timeOfRef(ref) ?? now).getTime();
  const pem = request.pkcs10 === undefined ? { publicKey: toPem('PUBLIC KEY', request.publicKey) } : { csr: toPem('CERTIFICATE REQUEST', request.pkcs10) };
  return {
    ...pem,
    ...(profileId === undefined ? {} : { profileId }),
    subject: subjectText(request.subject),
    subjectAltNames: request.sans.map(alternativeName),
    ...(request.backdateSeconds === 0 ? {} : { notBefore: timeText(from - request.backdateSeconds * 1000) }),
    notAfter: timeText(from + request.validitySeconds * 1000),
    requestContext: contextOf(ref),
  };
}

/** A UUIDv8 (RFC 9562 section 5.8) from a text: the same text, the same key, for ever. */
export function idempotencyKey(text: string): string {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16);
  bytes[6] = 0x80 | ((bytes[6] as number) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] as number) & 0x3f);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

function timeText(time: number): string {
  return new Date(Math.floor(time / 1000) * 1000).toISOString().replace('.000Z', 'Z');
}

function contextOf(ref: string): Record<string, string> {
  const [, tenantId, orderId] = refPattern.exec(ref) ?? [];
  return tenantId === undefined || orderId === undefined ? { orderId: ref } : { orderId, tenantId };
}

function subjectText(der: Buffer): string {
  const name = parseName(der);
  if (!name.ok) throw name.error;
  return nameToText(name.value);
}

function alternativeName(der: Buffer): { type: string; value: string } {
  const name = guarded(() => readGeneralName(new Cursor(der)));
  if (!name.ok) throw name.error;
  const { type, text } = name.value;
  if (type === 'dns' || type === 'ip' || type === 'email' || type === 'uri') return { type, value: text };
  if (type === 'directory' && name.value.name !== undefined) return { type: 'dirName', value: nameToText(name.value.name) };
  const upn = principalName(name.value);
  return upn === undefined ? { type: 'otherName', value: der.toString('base64') } : { type: 'upn', value: upn };
}

/** OtherName ::= SEQUENCE { type-id OBJECT IDENTIFIER, value [0] EXPLICIT ANY } with Microsoft's user principal name inside (RFC 5280 section 4.2.1.6). */
function principalName(name: GeneralName): string | undefined {
  if (name.type !== 'other') return undefined;
  const read = guarded(() => {
    const fields = new Cursor(name.der).enter(contextConstructed(0));
    const type = fields.oid();
    const value = fields.explicit(0);
    return type === userPrincipalName && value?.at(tag.utf8String) ? value.text() : undefined;
  });
  return read.ok ? read.value : undefined;
}
