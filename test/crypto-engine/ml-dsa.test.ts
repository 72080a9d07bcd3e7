import { generateKeyPairSync } from 'node:crypto';
import t from 'tap';
import { type CaKeyType, createEngine } from '../../src/crypto-engine/index.js';
import { buildChain, type Certificate, nameFromText, parseCertificate, parseCrl, publicKeyOf, verifyCrl } from '../../src/pkix/index.js';
import { certHash } from '../../src/protocol/cmp/index.js';
import { oids } from '../../src/protocol/der/index.js';
import { systemClock } from '../../src/runtime/clock.js';
import { memoryEngineStore } from '../support/memory-engine-store.js';

const named = (text: string) => {
  const name = nameFromText(text);
  if (!name.ok) throw new Error(name.error);
  return name.value;
};

function parsed(bytes: Buffer | undefined): Certificate {
  const certificate = parseCertificate(bytes ?? Buffer.alloc(0));
  if (!certificate.ok) throw certificate.error;
  return certificate.value;
}

const request = {
  publicKey: publicKeyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey).spki,
  subject: named('CN=device-1').der,
  sans: [],
  keyUsage: ['digitalSignature'],
  extendedKeyUsage: [],
  validitySeconds: 86_400,
  backdateSeconds: 0,
};

t.test('an ML-DSA CA certifies, signs its CRL, and is the same after a restart', async (t) => {
  for (const [keyType, oid] of [
    ['ML-DSA-44', oids.mlDsa44],
    ['ML-DSA-65', oids.mlDsa65],
    ['ML-DSA-87', oids.mlDsa87],
  ] as const) {
    const store = memoryEngineStore();
    const open = async (type: CaKeyType) => {
      const engine = createEngine({ store, clock: systemClock, publicBaseUrl: 'http://pki.example', keyType: type });
      await engine.ensureCas();
      return engine;
    };
    const leafOf = async (engine: Awaited<ReturnType<typeof open>>) => {
      const signed = await engine.sign(request);
      if (!signed.ok) throw new Error(signed.error);
      return parsed(signed.value.certificate);
    };
    const engine = await open(keyType);
    const [issuing, root] = engine.chain().map(parsed) as [Certificate, Certificate];
    const leaf = await leafOf(engine);
    t.same(leaf.signatureAlgorithm, { oid }, `${keyType}, without parameters`);
    const chain = buildChain({ leaf, intermediates: [issuing], anchors: [root], at: new Date() });
    t.equal(chain.ok && chain.value.length, 3);
    const broken = { ...leaf, tbs: Buffer.concat([leaf.tbs, Buffer.of(0)]) };
    t.equal(buildChain({ leaf: broken, intermediates: [issuing], anchors: [root], at: new Date() }).ok, false);
    const crl = parseCrl((await engine.crl('issuing'))?.der ?? Buffer.alloc(0));
    t.ok(crl.ok && verifyCrl(crl.value, issuing.publicKey).ok, 'its CRL verifies');
    const again = await open('P-256');
    t.same(again.chain(), engine.chain(), 'the key type only counts when the CAs are made');
    t.ok(buildChain({ leaf: await leafOf(again), intermediates: [issuing], anchors: [root], at: new Date() }).ok);
    t.equal(certHash(leaf).ok, false, 'CMP-125 a certConf for it must name its hash');
    t.ok(certHash(leaf, { oid: oids.sha512 }).ok);
  }
});
