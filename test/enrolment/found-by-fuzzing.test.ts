import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { checkPolicy } from '../../src/enrolment/policy.js';
import { buildRdns, parseCsr } from '../../src/pkix/index.js';
import { decode, der, encode, oids, scepLimits } from '../../src/protocol/der/index.js';
import { scepProfile } from '../support/profiles.js';

const grant = { operation: 'enrolment', credential: 'challenge:static' } as const;
const now = new Date('2026-06-01T12:00:00Z');

/** A request that deep fuzzing found to be granted when it should not have been. */
function captured(file: string) {
  const csr = parseCsr(readFileSync(join(import.meta.dirname, '../../fixtures/fuzz', file)));
  if (!csr.ok) throw csr.error;
  const { publicKey, subject, extensions, der: pkcs10 } = csr.value;
  return { publicKey, subject, extensions, pkcs10 };
}

t.test('SCEP-089 AB-25 a subject with a value that is no readable character string is refused: OpenSSL loads no such certificate', async (t) => {
  const request = captured('subject-universal-string.csr.der');
  const profile = scepProfile();
  t.match(checkPolicy(request, grant, profile, now), { ok: false, error: { code: 'name-malformed' } }, 'UniversalString beyond Unicode');
  const values: Readonly<Record<string, Buffer>> = {
    'OCTET STRING': der.octetString(Buffer.from('Acme')),
    INTEGER: der.integer(7),
    'UTF8String that is none': der.primitive(0x0c, Buffer.of(0xc0, 0x80)),
    'BMPString of three octets': der.primitive(0x1e, Buffer.of(0, 0x41, 0)),
  };
  for (const [what, value] of Object.entries(values)) {
    const subject = buildRdns([[[oids.organizationName, value]], [[oids.commonName, 'dev-2']]]);
    t.match(checkPolicy({ ...request, subject, extensions: [] }, grant, profile, now), { ok: false, error: { code: 'name-malformed' } }, what);
  }
  const hash = buildRdns([[[oids.commonName, '#0c0161']]]);
  t.match(checkPolicy({ ...request, subject: hash, extensions: [] }, grant, profile, now), { ok: true }, 'text that begins with # is text');
});

t.test('SCEP-089 a request with an impossible BIT STRING in an attribute that nobody reads is refused: other readers refuse all of it', async (t) => {
  const bytes = readFileSync(join(import.meta.dirname, '../../fixtures/fuzz/attribute-bit-string.csr.der'));
  t.match(parseCsr(bytes), { ok: false, error: { fault: 'bad-value' } });
  const mended = Buffer.from(bytes);
  const at = mended.indexOf(Buffer.from('03173015', 'hex'));
  mended[at] = 0x04;
  t.match(parseCsr(mended), { ok: true }, 'the same as an OCTET STRING');
  const inAttribute = (content: string) => encode(der.sequence(der.primitive(3, Buffer.from(content, 'hex'))));
  for (const content of ['', '01', '0800', 'ff00'])
    t.match(
      decode(inAttribute(content), scepLimits, (cursor) => cursor.element()),
      { ok: false, error: { fault: 'bad-value' } },
      content,
    );
  for (const content of ['00', '00ff', '07f0'])
    t.match(
      decode(inAttribute(content), scepLimits, (cursor) => cursor.element()),
      { ok: true },
      content,
    );
});
