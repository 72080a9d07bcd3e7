import { buildMessage, type CmpCredential } from '../../../src/device-client/cmp-messages.js';
import type { CmpReply } from '../../../src/endpoints/cmp/index.js';
import {
  type AttributeTypeAndValue,
  buildCertRequest,
  type CertReqMsg,
  type CertTemplate,
  type PkiBody,
  type PkiHeader,
  type ProofOfPossession,
  provePossession,
} from '../../../src/protocol/cmp/index.js';
import { begin, nonce, type ReadReply, readReply } from './requests.js';
import { type Key, named, type Stage } from './stage.js';

export function bytesOf(reply: CmpReply): Buffer {
  if (reply.status !== 200) throw new Error(`HTTP ${reply.status}`);
  return reply.bytes;
}

export async function ask(stage: Stage, bytes: Buffer): Promise<ReadReply> {
  return readReply(bytesOf(await stage.handle(bytes)));
}

export async function askBody(stage: Stage, body: PkiBody, header: Partial<PkiHeader> = {}, credential?: CmpCredential): Promise<ReadReply> {
  return ask(stage, buildMessage(await begin(credential), { senderNonce: nonce() }, body, header));
}

export interface RequestFields {
  readonly certReqId?: number;
  readonly template?: Partial<CertTemplate>;
  readonly controls?: readonly AttributeTypeAndValue[];
  readonly regInfo?: readonly AttributeTypeAndValue[];
  /** In the place of a signature by the key; null: none at all. */
  readonly popo?: ProofOfPossession | null;
}

/** A CertReqMsg for `key` that is right in all but what `fields` say. */
export function certReqMsg(key: Key, fields: RequestFields = {}): CertReqMsg {
  const { certReqId = 0, template, controls, regInfo, popo } = fields;
  const certTemplate = { subject: named('device-77'), publicKey: key.signer.publicKey.spki, ...template };
  const certReq = buildCertRequest({ certReqId, certTemplate, ...(controls && { controls }) });
  const proof = popo === undefined ? provePossession(certReq, key.signer) : popo;
  return { certReq, ...(proof && { popo: proof }), ...(regInfo && { regInfo }) };
}
