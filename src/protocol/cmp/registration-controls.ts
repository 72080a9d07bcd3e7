import type { Result } from '../../runtime/result.js';
import { Cursor, DerError, der, encode, guarded, oids, tag } from '../der/index.js';
import type { AttributeTypeAndValue } from './cert-request.js';

/** RFC 4211 sections 6.1 and 6.2: RegToken ::= UTF8String, for one registration; Authenticator ::= UTF8String, shown every time. */
export interface RegistrationControls {
  readonly regToken?: string;
  readonly authenticator?: string;
}

/** Undefined where there is neither. One that is no UTF8String, or stands twice, is a fault. */
export function registrationControlsOf(controls: readonly AttributeTypeAndValue[]): Result<RegistrationControls | undefined, DerError> {
  return guarded(() => {
    const [regToken, authenticator] = [oids.regToken, oids.authenticator].map((oid) => textOf(controls, oid));
    if (regToken === undefined && authenticator === undefined) return undefined;
    return { ...(regToken !== undefined && { regToken }), ...(authenticator !== undefined && { authenticator }) };
  });
}

function textOf(controls: readonly AttributeTypeAndValue[], oid: string): string | undefined {
  const [control, ...further] = controls.filter(({ type }) => type === oid);
  if (control === undefined) return undefined;
  const cursor = new Cursor(control.value);
  if (further.length > 0 || !cursor.at(tag.utf8String)) throw new DerError('bad-value', 0, 'regToken and authenticator are one UTF8String each.');
  const text = cursor.text();
  cursor.end();
  return text;
}

export function regTokenControl(token: string): AttributeTypeAndValue {
  return { type: oids.regToken, value: encode(der.utf8String(token)) };
}

export function authenticatorControl(token: string): AttributeTypeAndValue {
  return { type: oids.authenticator, value: encode(der.utf8String(token)) };
}
