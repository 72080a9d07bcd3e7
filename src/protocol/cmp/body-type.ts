/** RFC 9810 section 5.1.2: the alternatives of PKIBody; the place in this list is the context tag. */
export const bodyTypes = [
  'ir',
  'ip',
  'cr',
  'cp',
  'p10cr',
  'popdecc',
  'popdecr',
  'kur',
  'kup',
  'krr',
  'krp',
  'rr',
  'rp',
  'ccr',
  'ccp',
  'ckuann',
  'cann',
  'rann',
  'crlann',
  'pkiconf',
  'nested',
  'genm',
  'genp',
  'error',
  'certConf',
  'pollReq',
  'pollRep',
] as const;
export type BodyType = (typeof bodyTypes)[number];

/** Requests for a certificate, and the type that answers each (RFC 9810 section 5.1.2). */
export const responseTypes = { ir: 'ip', cr: 'cp', p10cr: 'cp', kur: 'kup' } as const satisfies Partial<Record<BodyType, BodyType>>;
export type RequestType = keyof typeof responseTypes;
export type ResponseType = (typeof responseTypes)[RequestType];

export function isRequestType(type: BodyType): type is RequestType {
  return type in responseTypes;
}
