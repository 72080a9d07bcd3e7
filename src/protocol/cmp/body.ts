import { type CertificationRequest, readCsr } from '../../pkix/index.js';
import { type Cursor, contextConstructed, der, type Element } from '../der/index.js';
import { type BodyType, bodyTypes } from './body-type.js';
import { type CertStatus, encodeCertConfirmContent, readCertConfirmContent } from './cert-confirm.js';
import { type CertReqMsg, encodeCertReqMessages, readCertReqMessages } from './cert-request.js';
import { type CertRepMessage, encodeCertRepMessage, readCertRepMessage } from './cert-response.js';
import { type ErrorMsgContent, encodeErrorMsgContent, readErrorMsgContent } from './error-message.js';
import type { InfoTypeAndValue } from './general-info.js';
import { encodeGeneralMessage, readGeneralMessage } from './general-message.js';
import { encodePollRepContent, encodePollReqContent, type PollRep, readPollRepContent, readPollReqContent } from './polling.js';
import { encodeRevRepContent, encodeRevReqContent, type RevDetails, type RevRepContent, readRevRepContent, readRevReqContent } from './revocation.js';

type DecodedType =
  | ('ir' | 'cr' | 'kur' | 'ccr' | 'p10cr' | 'ip' | 'cp' | 'kup' | 'ccp' | 'certConf' | 'pkiconf' | 'error' | 'pollReq' | 'pollRep')
  | ('rr' | 'rp' | 'genm' | 'genp');

/** RFC 9810 section 5.1.2. The types that are served are decoded; the others keep their content, so that they can be refused by name. */
export type PkiBody =
  | { readonly type: 'ir' | 'cr' | 'kur'; readonly messages: readonly CertReqMsg[] }
  | { readonly type: 'p10cr'; readonly csr: CertificationRequest }
  | { readonly type: 'ip' | 'cp' | 'kup'; readonly content: CertRepMessage }
  | { readonly type: 'ccr'; readonly messages: readonly CertReqMsg[] }
  | { readonly type: 'ccp'; readonly content: CertRepMessage }
  | { readonly type: 'rr'; readonly details: readonly RevDetails[] }
  | { readonly type: 'rp'; readonly content: RevRepContent }
  | { readonly type: 'genm' | 'genp'; readonly items: readonly InfoTypeAndValue[] }
  | { readonly type: 'certConf'; readonly statuses: readonly CertStatus[] }
  | { readonly type: 'pkiconf' }
  | { readonly type: 'error'; readonly content: ErrorMsgContent }
  | { readonly type: 'pollReq'; readonly certReqIds: readonly number[] }
  | { readonly type: 'pollRep'; readonly entries: readonly PollRep[] }
  | { readonly type: Exclude<BodyType, DecodedType>; readonly content: Buffer };

/** Throws `DerError`; `type` is what the tag of the body said. */
export function readPkiBody(cursor: Cursor, type: BodyType): PkiBody {
  const inside = cursor.enter(contextConstructed(bodyTypes.indexOf(type)));
  const body = readContent(inside, type);
  inside.end();
  return body;
}

function readContent(inside: Cursor, type: BodyType): PkiBody {
  switch (type) {
    case 'ir':
    case 'cr':
    case 'kur':
    case 'ccr':
      return { type, messages: readCertReqMessages(inside) };
    case 'p10cr':
      return { type, csr: readCsr(inside) };
    case 'ip':
    case 'cp':
    case 'kup':
    case 'ccp':
      return { type, content: readCertRepMessage(inside) };
    case 'rr':
      return { type, details: readRevReqContent(inside) };
    case 'rp':
      return { type, content: readRevRepContent(inside) };
    case 'genm':
    case 'genp':
      return { type, items: readGeneralMessage(inside) };
    case 'certConf':
      return { type, statuses: readCertConfirmContent(inside) };
    case 'pkiconf':
      inside.null();
      return { type };
    case 'error':
      return { type, content: readErrorMsgContent(inside) };
    case 'pollReq':
      return { type, certReqIds: readPollReqContent(inside) };
    case 'pollRep':
      return { type, entries: readPollRepContent(inside) };
    default:
      return { type, content: inside.element() };
  }
}

export function encodePkiBody(body: PkiBody): Element {
  return der.explicit(bodyTypes.indexOf(body.type), encodeContent(body));
}

function encodeContent(body: PkiBody): Element {
  switch (body.type) {
    case 'ir':
    case 'cr':
    case 'kur':
    case 'ccr':
      return encodeCertReqMessages(body.messages);
    case 'p10cr':
      return body.csr.der;
    case 'ip':
    case 'cp':
    case 'kup':
    case 'ccp':
      return encodeCertRepMessage(body.content);
    case 'rr':
      return encodeRevReqContent(body.details);
    case 'rp':
      return encodeRevRepContent(body.content);
    case 'genm':
    case 'genp':
      return encodeGeneralMessage(body.items);
    case 'certConf':
      return encodeCertConfirmContent(body.statuses);
    case 'pkiconf':
      return der.nullValue();
    case 'error':
      return encodeErrorMsgContent(body.content);
    case 'pollReq':
      return encodePollReqContent(body.certReqIds);
    case 'pollRep':
      return encodePollRepContent(body.entries);
    default:
      return body.content;
  }
}
