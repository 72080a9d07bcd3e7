import t from 'tap';
import { buildPkcsReq, generateRsaKey } from '../../../src/device-client/scep.js';
import { caCertificatesOf } from '../../../src/endpoints/scep/ca-reply.js';
import { handlePkiOperation } from '../../../src/endpoints/scep/translate.js';
import type { Certificate } from '../../../src/pkix/index.js';
import { readCaCertificates, readCertRep } from '../../../src/protocol/scep/index.js';
import type { ScepEndpoint } from '../../../src/tenancy/directory.js';
import { byUse } from '../../../src/tenancy/load-ra-key.js';
import { authority, createWorld, issuingEnrolment, name, raKey } from './world.js';

const world = createWorld();
const oldRoot = authority('/CN=Old Root');
const oldCa = authority('/CN=Old CA', oldRoot);
const encrypts = raKey(world.issuing, world.root, { usage: 'encrypt' });
const signs = raKey(world.issuing, world.root, { usage: 'sign' });
const oldEncrypts = raKey(oldCa, oldRoot, { usage: 'encrypt', state: 'retiring', origin: 'imported' });
const oldSigns = raKey(oldCa, oldRoot, { usage: 'sign', state: 'retiring', origin: 'imported' });
const oldBoth = raKey(oldCa, oldRoot, { state: 'retiring', origin: 'imported' });

const at = (...raKeys: Parameters<typeof byUse>[0][]): ScepEndpoint => world.with({ raKeys: [...raKeys].sort(byUse) });
const key = generateRsaKey();
const caller = { clientIp: '192.0.2.7', userAgent: '', contentType: '', method: 'POST' } as const;

/** The status of the answer, which must be signed by `by`. */
async function status(endpoint: ScepEndpoint, recipient: Certificate, by: Certificate): Promise<string> {
  const { message } = buildPkcsReq({ key, subject: name('/CN=device-1'), challenge: 'open sesame', recipient });
  const reply = await handlePkiOperation(endpoint, message, caller, { enrolment: issuingEnrolment(world) });
  if (reply.kind !== 'certRep') return reply.kind;
  const read = readCertRep(reply.message, by);
  return read.ok ? read.value.status : read.error;
}

function published(endpoint: ScepEndpoint): readonly Buffer[] | string {
  const certificates = caCertificatesOf(endpoint, new Date());
  if (!certificates.ok) return certificates.error;
  const read = readCaCertificates(certificates.value.mediaType, certificates.value.body);
  return read.ok ? read.value : read.error;
}

t.test('SCEP-158 SCEP-035 of two RA keys GetCACert shows the one to encrypt to first; the other signs', async (t) => {
  const endpoint = at(signs, encrypts);
  t.same(
    published(endpoint),
    [encrypts, signs, world.issuing, world.root].map((item) => item.certificate.der),
  );
  t.equal(await status(endpoint, encrypts.certificate, signs.certificate), 'SUCCESS');
  t.equal(await status(endpoint, signs.certificate, signs.certificate), 'FAILURE', 'a key that only signs opens nothing');
});

t.test('SCEP-039 one of two keys alone serves nobody', async (t) => {
  for (const endpoint of [at(signs), at(encrypts)]) {
    t.equal(published(endpoint), 'no-ra-certificate');
    t.equal(await status(endpoint, encrypts.certificate, signs.certificate), 'unavailable');
  }
});

t.test('SCEP-044 a device that knows the RA certificates of the server before is answered by the key that it knows', async (t) => {
  t.equal(await status(at(world.ra, oldBoth), oldBoth.certificate, oldBoth.certificate), 'SUCCESS', 'one key for both');
  const pair = at(world.ra, oldSigns, oldEncrypts);
  t.equal(await status(pair, oldEncrypts.certificate, oldSigns.certificate), 'SUCCESS', 'a pair, as NDES has');
  t.equal(await status(pair, world.ra.certificate, world.ra.certificate), 'SUCCESS', 'and today as ever');
  t.equal(await status(at(world.ra, oldEncrypts), oldEncrypts.certificate, world.ra.certificate), 'SUCCESS', 'without its partner by the key of today');
  t.same(published(pair), published(at(world.ra)), 'GetCACert shows none of them');
});
