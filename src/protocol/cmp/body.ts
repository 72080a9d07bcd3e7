import { type CertificationRequest, readCsr } from '../../pkix/index.js';
import { type Cursor, contextConstructed, der, type Element } from '../der/index.js';
import { type BodyType, bodyTypes } from './body-type.js';
import { type CertStatus, encodeCertConfirmContent, readCertConfirmContent } from './cert-confirm.js';
import { type CertReqMsg, encodeCertReqMessages, readCertReqMessages } from './cert-request.js';
import { type CertRepMessage, encodeCertRepMessage, readCertRepMessage } from './cert-response.js';
import { type ErrorMsgContent, encodeErrorMsgContent, readErrorMsgContent } from './error-message.js';
import { encodePollRepContent, encodePollReqContent, type PollRep, readPollRepContent, readPollReqContent } from './polling.js';

type DecodedType = 'ir' | 'cr' | 'kur' | 'p10cr' | 'ip' | 'cp' | 'kup' | 'certConf' | 'pkiconf' | 'error' | 'pollReq' | 'pollRep';

/** RFC 9810 section 5.1.2. The types that enrolment needs are decoded; the others keep their content, so that they can be refused by name. */
export type PkiBody =
  | { readonly type: 'ir' | 'cr' | 'kur'; readonly messages: readonly CertReqMsg[] }
  | { readonly type: 'p10cr'; readonly csr: CertificationRequest }
  | { readonly type: 'ip' | 'cp' | 'kup'; readonly content: CertRepMessage }
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
      return { type, messages: readCertReqMessages(inside) };
    case 'p10cr':
      return { type, csr: readCsr(inside) };
    case 'ip':
    case 'cp':
    case 'kup':
      return { type, content: readCertRepMessage(inside) };
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
      return encodeCertReqMessages(body.messages);
    case 'p10cr':
      return body.csr.der;
    case 'ip':
    case 'cp':
    case 'kup':
      return encodeCertRepMessage(body.content);
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
