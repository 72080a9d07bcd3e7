/** CMP ir under PBMAC1, kur and rr, from bytes to bytes on one thread. */
import { randomBytes } from 'node:crypto';
import { buildRequest } from '../../src/device-client/certificate-wish.js';
import { buildMessage, type CmpTransaction, protectorOf } from '../../src/device-client/cmp-messages.js';
import { buildName, type Certificate, emptyName, parseCertificate } from '../../src/pkix/index.js';
import { crlReasonDetails, decodePkiBody, decodePkiMessage, deriveMacKey, type PkiBody, pbmac1Parameters, verifySigned } from '../../src/protocol/cmp/index.js';
import { oids } from '../../src/protocol/der/index.js';
import { encodeCmp, kurBody } from '../chaos/device/cmp-message.js';
import { type DeviceKey, p256Key } from '../chaos/device/keys.js';
import { enrolled, irScene, keyCount, measureScene, type PreparedCmp, p10crScene, type Scene, shared } from './cmp-path.js';
import { type CaKey, derivedIrFloor, p10crFloor, rrFloor } from './floor.js';
import type { Row } from './report.js';
import type { ThreadExtent } from './scep-path.js';

const iterations = 10_000;
const none = { target: null, goal: null };

/** Every message has a salt of its own, so that the server derives a key for each. */
async function pbmac1Scene(ca: CaKey): Promise<Scene> {
  const scene = await irScene(ca);
  const keys = Array.from({ length: keyCount }, (_, index) => p256Key(`device-${index}`));
  const prepare = (count: number) =>
    Promise.all(Array.from({ length: count }, (_, index) => prepareOne(keys[index % keyCount] as DeviceKey, `bench-${index}`)));
  return { ...scene, prepare, problemOf: macProblemOf };
}

async function prepareOne({ signer, spki }: DeviceKey, name: string): Promise<PreparedCmp> {
  const parameters = pbmac1Parameters({ salt: randomBytes(16), iterationCount: iterations, keyLength: 32, prf: 'sha256', mac: 'sha256' });
  const credential = { kind: 'secret', ...shared, parameters } as const;
  const protector = protectorOf(credential, await deriveMacKey(parameters, shared.secret));
  const transaction: CmpTransaction = { credential, protector, transactionID: randomBytes(16), recipient: emptyName };
  const wish = { type: 'ir', newKey: signer, subject: buildName([[oids.commonName, name]]), implicitConfirm: true } as const;
  return { message: buildRequest(transaction, { senderNonce: randomBytes(16) }, wish, new Date()), transactionId: transaction.transactionID, spki };
}

function readAnswer(bytes: Buffer): {
  readonly body: PkiBody;
  readonly transactionID: Buffer | undefined;
  readonly message: Parameters<typeof verifySigned>[0];
} {
  const message = decodePkiMessage(bytes);
  if (!message.ok) throw message.error;
  const body = decodePkiBody(message.value);
  if (!body.ok) throw body.error;
  return { body: body.value, transactionID: message.value.header.transactionID, message: message.value };
}

function macProblemOf({ transactionId, spki }: PreparedCmp, bytes: Buffer): string | undefined {
  const { body, transactionID } = readAnswer(bytes);
  const response = body.type === 'ip' ? body.content.response[0] : undefined;
  const certificate = parseCertificate(response?.certifiedKeyPair?.certificate ?? Buffer.alloc(0));
  if (!certificate.ok) return `${body.type} ${response?.status.statusString?.join(' ') ?? ''}`;
  if (transactionID?.equals(transactionId) !== true) return 'another transactionID';
  return certificate.value.publicKey.spki.equals(spki) ? undefined : 'another key';
}

interface Holder {
  readonly key: DeviceKey;
  readonly certificate: Certificate;
}

/** Each device renews its one certificate again and again: the core of the measurement keeps no word of what came of it. */
async function kurScene(ca: CaKey): Promise<Scene> {
  const scene = await p10crScene(ca);
  const holders: Holder[] = [];
  for (let index = 0; index < keyCount; index += 1) holders.push(await holderOf(scene, index));
  const prepare = (count: number) =>
    Array.from({ length: count }, (_, index): PreparedCmp => {
      const { key, certificate } = holders[index % keyCount] as Holder;
      const header = { transactionId: randomBytes(16), senderNonce: randomBytes(16), recipient: emptyName, implicitConfirm: true };
      const body = kurBody(certificate.subject, key.spki, key.privateKey);
      return {
        message: encodeCmp(header, body, { kind: 'signature', certificate, privateKey: key.privateKey }),
        transactionId: header.transactionId,
        spki: key.spki,
      };
    });
  return { ...scene, prepare };
}

async function holderOf(scene: Scene, index: number): Promise<Holder> {
  const key = p256Key(`device-${index}`);
  const certificate = await enrolled(scene, key, `device-${index}`);
  scene.core.pin();
  return { key, certificate };
}

/** Each message revokes a certificate of its own, which was issued before the clock ran. */
async function rrScene(ca: CaKey): Promise<Scene> {
  const scene = await p10crScene(ca);
  const prepare = async (count: number): Promise<readonly PreparedCmp[]> => {
    const prepared: PreparedCmp[] = [];
    for (let index = 0; index < count; index += 1) prepared.push(revocationBy(await holderOf(scene, index)));
    return prepared;
  };
  return { ...scene, prepare, problemOf: (asked, bytes) => rrProblemOf(asked, bytes, scene) };
}

function revocationBy({ key, certificate }: Holder): PreparedCmp {
  const credential = { kind: 'certificate', certificate, chain: [], signer: key.signer } as const;
  const transaction: CmpTransaction = { credential, protector: protectorOf(credential), transactionID: randomBytes(16), recipient: emptyName };
  const certDetails = { issuer: certificate.issuer, serialNumber: certificate.serial };
  const body: PkiBody = { type: 'rr', details: [{ certDetails, crlEntryDetails: crlReasonDetails(4) }] };
  return {
    message: buildMessage(transaction, { senderNonce: randomBytes(16) }, body, { messageTime: new Date() }),
    transactionId: transaction.transactionID,
    spki: key.spki,
  };
}

function rrProblemOf({ transactionId }: PreparedCmp, bytes: Buffer, { endpoint }: Scene): string | undefined {
  const { body, transactionID, message } = readAnswer(bytes);
  const status = body.type === 'rp' ? body.content.status[0] : undefined;
  if (status?.status !== 'accepted') return `${body.type} ${status?.failInfo?.join() ?? ''}`;
  if (transactionID?.equals(transactionId) !== true) return 'another transactionID';
  const signer = endpoint.raKeys[0]?.certificate.publicKey;
  return signer !== undefined && verifySigned(message, signer).ok ? undefined : 'protection invalid';
}

/** The derivation runs on the pool's threads, and neither side counts it. */
export async function pbmac1Row(ca: CaKey, extent: ThreadExtent): Promise<Row> {
  const path = `CMP ir, PBMAC1 ${iterations} derived elsewhere, one thread, ${ca} CA`;
  return measureScene(path, await pbmac1Scene(ca), (primitives) => derivedIrFloor(primitives, ca), none, extent);
}

/** The floor of p10cr: message, proof of possession and device certificate are verified, certificate and answer signed. */
export async function kurRow(ca: CaKey, extent: ThreadExtent): Promise<Row> {
  const path = `CMP kur, signature, one thread, ${ca} CA and RA`;
  return measureScene(path, await kurScene(ca), (primitives) => p10crFloor(primitives, ca, ca), none, extent);
}

export async function rrRow(ca: CaKey, extent: ThreadExtent): Promise<Row> {
  const path = `CMP rr, signature, one thread, ${ca} CA and RA`;
  return measureScene(path, await rrScene(ca), (primitives) => rrFloor(primitives, ca, ca), none, extent);
}
