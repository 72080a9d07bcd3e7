import { bodyTypes, decodePkiBody, decodePkiMessage, maxExtraCerts, type PkiMessage, readPkiHeader } from '../protocol/cmp/index.js';
import { Cursor, contextConstructed, guarded } from '../protocol/der/index.js';
import { certificateList } from './certificate.js';
import { bodyFields } from './cmp-body.js';
import { headerFields } from './cmp-header.js';
import { protectionField } from './cmp-protection.js';
import { faultField, structureField } from './fault.js';
import { type Field, group } from './field.js';
import type { DecodeKeys } from './keys.js';
import { type Opening, openingAt, openingsIn } from './outline.js';
import { byteCount } from './words.js';

/** A PKIMessage (RFC 9810 section 5.1). */
export async function cmpFields(bytes: Buffer, keys: DecodeKeys): Promise<Field[]> {
  const decoded = decodePkiMessage(bytes);
  if (!decoded.ok) return [faultField(decoded.error, 'PKIMessage'), ...partsOfBroken(bytes), structureField(bytes)];
  const message = decoded.value;
  return [
    group('header', byteCount(message.headerDer), headerFields(message.header)),
    bodyField(message, bytes),
    await protectionField(message, keys),
    certificateList('extraCerts', message.extraCerts.slice(0, maxExtraCerts)),
  ];
}

function bodyField(message: PkiMessage, bytes: Buffer): Field {
  const { bodyType, bodyDer } = message;
  const body = decodePkiBody(message);
  if (body.ok) return group('body', bodyType, bodyFields(body.value, message.header.sender));
  const start = bytes.indexOf(bodyDer);
  return group('body', bodyType, [faultField(body.error, 'body', Math.max(start, 0)), structureField(bodyDer)], { verdict: 'failed', note: 'malformed' });
}

/** Header and body of a message that breaks off behind them, or is malformed elsewhere. */
function partsOfBroken(bytes: Buffer): Field[] {
  const whole = openingAt(bytes, 0);
  const [header, body] = whole === undefined ? [] : openingsIn(bytes, whole, 2);
  if (!isWhole(header)) return [];
  const part = bytes.subarray(header.offset, header.end);
  const read = guarded(() => readPkiHeader(new Cursor(part)));
  if (!read.ok) return [group('header', byteCount(part), [faultField(read.error, 'header', header.offset)], { verdict: 'failed', note: 'malformed' })];
  const fields = [group('header', byteCount(part), headerFields(read.value))];
  const bodyType = body === undefined ? undefined : bodyTypes[body.tagByte - contextConstructed(0)];
  if (bodyType === undefined || !isWhole(body)) return fields;
  return [...fields, bodyField({ header: read.value, headerDer: part, bodyType, bodyDer: bytes.subarray(body.offset, body.end), extraCerts: [] }, bytes)];
}

function isWhole(opening: Opening | undefined): opening is Opening {
  return opening !== undefined && !opening.isCut && opening.length !== undefined;
}
