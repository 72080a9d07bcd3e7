import t from 'tap';
import { buildMessage } from '../../../src/device-client/cmp-messages.js';
import { basicConstraintsOf, buildChain, extendedKeyUsageExtension, keyUsageExtension, toPem } from '../../../src/pkix/index.js';
import { buildCertRequest, type CertReqMsg, type CertTemplate, type PkiBody, provePossession } from '../../../src/protocol/cmp/index.js';
import { oids } from '../../../src/protocol/der/index.js';
import { begin, certificateOf, gist, nonce, secretOf } from './requests.js';
import { issuedIn, openHouse } from './residence.js';
import { type Authority, certify, type Key, named, newAuthority, newDevice, newKey } from './stage.js';

/** Who speaks for a CA: a certificate of it with the purpose cmcCA. */
function speakerOf(authority: Authority, ...purposes: string[]) {
  const key = newKey();
  const extensions = [keyUsageExtension(['digitalSignature']), extendedKeyUsageExtension(purposes.length === 0 ? [oids.cmcCA] : purposes)];
  return { key, certificate: certify(named('CMP of the other CA'), key.signer.publicKey, authority.key.signer, authority.certificate, extensions) };
}

function ccr(key: Key, template: Partial<CertTemplate> = {}, prover: Key = key, certReqId = 0): CertReqMsg {
  const certReq = buildCertRequest({ certReqId, certTemplate: { subject: named('Other CA'), publicKey: key.signer.publicKey.spki, ...template } });
  return { certReq, popo: provePossession(certReq, prover.signer) };
}

const body = (...messages: CertReqMsg[]): PkiBody => ({ type: 'ccr', messages });

t.test('CMP-085 ccr is served for the CAs that a policy names, and for nobody else', async (t) => {
  const other = newAuthority('Other CA');
  const speaker = certificateOf(speakerOf(other));
  const crossCertification = { authorities: [toPem('CERTIFICATE', other.certificate.der)], validityDays: 30 };
  const house = await openHouse({ crossCertification });

  const request = buildMessage(await begin(speaker), { senderNonce: nonce() }, body(ccr(other.key)));
  const reply = await house.ask(request);
  t.equal(gist(reply), 'ccp accepted');
  const cross = issuedIn(reply);
  t.same(cross.publicKey.spki, other.key.signer.publicKey.spki);
  t.same(basicConstraintsOf(cross.extensions), { ok: true, value: { ca: true, pathLength: 0 } });
  t.ok(cross.notAfter.getTime() < Date.now() + 31 * 86_400_000, 'as long as the policy says');
  const root = house.endpoint.caChain.at(-1) ?? cross;
  const below = newDevice('below', other).certificate;
  t.ok(buildChain({ leaf: below, intermediates: [cross], anchors: [root], at: new Date() }).ok, 'devices of the other CA now chain to our root');
  t.same(issuedIn(await house.ask(request)).der, cross.der, 'CMP-201 the same answer to the same request');
  t.match(house.store.all(), [{ subject: 'CN=Other CA', credential: 'ca:CN=Other CA' }], 'one order, which operators see');

  const ask = async (message: PkiBody, credential = speaker, where = house) => gist(await where.askBody(message, credential));
  const stranger = newAuthority('Other CA');
  const rows: readonly (readonly [string, Promise<string>, string])[] = [
    ['a profile that names no CA', ask(body(ccr(other.key)), speaker, await openHouse()), 'error rejection badRequest'],
    ['by MAC', ask(body(ccr(other.key)), secretOf()), 'error rejection wrongIntegrity'],
    ['another CA of the same name', ask(body(ccr(stranger.key)), certificateOf(speakerOf(stranger))), 'ccp rejection notAuthorized'],
    ['the key of another, asked for by the speaker of the first', ask(body(ccr(stranger.key))), 'ccp rejection notAuthorized'],
    ['another name for the key', ask(body(ccr(other.key, { subject: named('Third CA') }))), 'ccp rejection notAuthorized'],
    [
      'a certificate of the CA that does not speak for it',
      ask(body(ccr(other.key)), certificateOf(speakerOf(other, oids.clientAuth))),
      'ccp rejection notAuthorized',
    ],
    ['without proof of possession', ask(body(ccr(other.key, {}, newKey()))), 'ccp rejection badPOP'],
    ['two requests', ask(body(ccr(other.key), ccr(other.key))), 'ccp rejection badRequest'],
    ['another certReqId', ask(body(ccr(other.key, {}, other.key, 1))), 'ccp rejection badRequest'],
    ['no name', ask(body(ccr(other.key, { subject: undefined } as never))), 'ccp rejection badCertTemplate'],
  ];
  for (const [row, answer, expected] of rows) t.equal(await answer, expected, row);
  t.equal(house.store.all().length, 1);
});
