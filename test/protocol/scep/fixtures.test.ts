import { createPrivateKey } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { decodeGetMessage, readQuery } from '../../../src/endpoints/scep/query.js';
import { algorithmIdentifier, fromPem, nameToText, parseCertificate, verifyCsr } from '../../../src/pkix/index.js';
import {
  type ContentCipher,
  contentCipherAlgorithm,
  contentCiphers,
  createKeyUnwrapper,
  decryptEnvelope,
  keyTransportAlgorithm,
} from '../../../src/protocol/cms/index.js';
import { encode } from '../../../src/protocol/der/index.js';
import {
  addressRequest,
  decodeRequest,
  isSelfSigned,
  issuerAndSubject,
  openRequest,
  requestAttributes,
  transactionIdText,
  verifyRequest,
} from '../../../src/protocol/scep/index.js';

interface Fixture {
  readonly client: string;
  readonly version: string;
  readonly what: string;
  readonly request: { readonly method: string; readonly query: string };
  readonly body?: string;
  readonly expected: {
    readonly type: string;
    readonly digest: string;
    readonly selfSigned: boolean;
    readonly cipher?: string;
    readonly refused?: string;
    readonly subject?: string;
    readonly challenge?: string;
    readonly extensions?: readonly string[];
  };
}

const folder = new URL('../../../fixtures/scep/', import.meta.url);
const read = (file: string) => readFileSync(new URL(file, folder));
const [raBytes] = fromPem('CERTIFICATE', read('ra.pem').toString());
const ra = parseCertificate(raBytes ?? Buffer.alloc(0));
if (!ra.ok) throw ra.error;
const key = { certificate: ra.value, unwrapper: createKeyUnwrapper(createPrivateKey(read('ra.key.pem'))) };
const ciphers = Object.keys(contentCiphers) as ContentCipher[];

function bytesOf(fixture: Fixture): Buffer {
  if (fixture.body !== undefined) return read(fixture.body);
  const { operation, message = '' } = readQuery(fixture.request.query);
  const decoded = decodeGetMessage(message);
  if (operation !== 'PKIOperation' || !decoded.ok) throw new Error(`${fixture.what}: ${operation}`);
  return decoded.value;
}

const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
t.ok(files.length >= 6, 'the captured messages are there');

for (const file of files) {
  const fixture = JSON.parse(read(file).toString()) as Fixture;
  const { expected } = fixture;
  t.test(`CT-03 CT-08 CT-09 ${fixture.client} ${fixture.version}: ${fixture.what}`, async (t) => {
    const decoded = decodeRequest(bytesOf(fixture));
    if (!decoded.ok) throw new Error(decoded.error.detail);
    const request = decoded.value;
    t.equal(request.type, expected.type);
    t.equal(request.digest, expected.digest);
    t.equal(isSelfSigned(request.signer), expected.selfSigned);
    t.same(verifyRequest(request), { ok: true, value: true });

    const addressed = addressRequest(request, [key], ciphers);
    if (!addressed.ok) return t.equal(addressed.error.code, expected.refused);
    t.equal(expected.refused, undefined);
    t.equal(addressed.value.content.cipher, expected.cipher);
    const opened = openRequest(request.type ?? 'GetCRL', addressed.value, key.unwrapper);
    if (!opened.ok) throw new Error(opened.error.detail);
    if (opened.value.kind === 'csr') {
      const { csr } = opened.value;
      if (expected.subject !== undefined) t.equal(nameToText(csr.subject), expected.subject);
      t.equal(csr.challengePassword, expected.challenge);
      t.same(
        csr.extensions.map((item) => item.oid),
        expected.extensions,
      );
      t.same(verifyCsr(csr), { ok: true, value: true });
    }
    if (opened.value.kind === 'issuerAndSubject') {
      const { isPadded, content } = decryptEnvelope(addressed.value, key.unwrapper);
      t.ok(isPadded);
      t.same(encode(issuerAndSubject(opened.value.issuer, opened.value.subject)), content, 'the poll re-encodes identically');
    }

    const { recipient, transport, content } = addressed.value;
    const algorithms = [algorithmIdentifier(keyTransportAlgorithm(transport)), algorithmIdentifier(contentCipherAlgorithm(content))].map(encode);
    const bytes = request.envelope;
    t.ok(bytes.includes(algorithms[0] ?? Buffer.alloc(0)) && bytes.includes(algorithms[1] ?? Buffer.alloc(0)), 'the algorithms re-encode identically');
    t.equal(recipient.encryptedKey.length, 256);
    const { header, messageType } = request;
    const again = requestAttributes({
      messageType,
      transactionId: transactionIdText(header.transactionId),
      senderNonce: header.recipientNonce ?? Buffer.alloc(0),
    });
    const received = request.signerInfo.signedAttributes?.received ?? Buffer.alloc(0);
    for (const item of again) t.ok(received.includes(encode(item)), 'the transaction attributes re-encode identically');
    return undefined;
  });
}
