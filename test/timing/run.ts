/**
 * The timing experiment: can the duration of unwrapping tell good RSA padding from bad?
 *   node --import tsx test/timing/run.ts [--short] [--samples N] [--page FILE]
 * Exit code 1 when classes differ that must not, or when the planted leak is not seen.
 */
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { buildCsr, deviceKey, selfSignedCertificate } from '../../src/device-client/scep-message.js';
import { buildName } from '../../src/pkix/index.js';
import { addressEnvelope, createKeyUnwrapper, encodeEnvelopedData, hasImplicitRejection, readEnvelopedData } from '../../src/protocol/cms/index.js';
import { decodeBer, oids, scepLimits } from '../../src/protocol/der/index.js';
import { runCompiled } from '../bench/compiled.js';
import { describeMachine } from '../bench/machine.js';
import { say } from '../bench/report.js';
import { cutBadlyPadded, cutWellPadded, leakyUnwrapper, type Maker, openClasses, type Subject, unwrapClasses, wrongPadding } from './classes.js';
import { measure } from './measure.js';
import { type Part, pageText, partText } from './page.js';
import { judge, type Verdict } from './verdict.js';

await runCompiled('test/timing/run');

const { values } = parseArgs({ options: { short: { type: 'boolean', default: false }, samples: { type: 'string' }, page: { type: 'string' } } });
const samples = Number(values.samples ?? (values.short ? 20_000 : 1_000_000));
const page = values.page ?? (values.short || values.samples !== undefined ? undefined : 'docs/unwrap-timing.md');

function createSubject(): Subject {
  const key = deviceKey(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey);
  const subject = buildName([[oids.commonName, 'device-1.example']]);
  const certificate = selfSignedCertificate(key, subject, new Date());
  const publicKey = key.publicKey.keyObject();
  if (!publicKey.ok) throw new Error(publicKey.error);
  const content = buildCsr({ key, subject, challenge: 'open sesame' });
  const sealed = decodeBer(
    encodeEnvelopedData({ content, cipher: 'aes128-cbc', recipient: certificate, publicKey: publicKey.value }),
    scepLimits,
    readEnvelopedData,
  );
  if (!sealed.ok) throw sealed.error;
  const envelope = addressEnvelope(sealed.value, [{ certificate }]);
  if (!envelope.ok) throw new Error(envelope.error);
  return { unwrapper: createKeyUnwrapper(key.privateKey), privateKey: key.privateKey, envelope: envelope.value, content };
}

async function judged(name: string, classes: Readonly<Record<string, Maker>>, total: number): Promise<Verdict> {
  const perClass = Math.ceil(total / Object.keys(classes).length);
  const start = Date.now();
  let told = start;
  const taken = await measure(classes, perClass, (done) => {
    if (Date.now() - told < 10_000) return;
    told = Date.now();
    say(`timing: ${name}, ${done} measurements, ${Math.round((told - start) / 1000)} s`);
  });
  return judge(taken);
}

const isAbout = (...names: readonly string[]) => {
  const wanted = new Set(names);
  return ({ left, right }: { readonly left: string; readonly right: string }) => wanted.has(left) && wanted.has(right);
};

const subject = createSubject();
const key = hasImplicitRejection(subject.privateKey) ? 'native decryption with implicit rejection' : 'raw RSA, padding removed by our code';
const unwrapping = await judged('unwrapping', unwrapClasses(subject), samples);
const opening = await judged('opening', openClasses(subject), Math.ceil(samples / 2));
const leaky = await judged('planted leak', unwrapClasses({ ...subject, unwrapper: leakyUnwrapper(subject.unwrapper) }), Math.ceil(samples / 20));

const parts: readonly Part[] = [
  {
    title: 'Unwrapping',
    text: 'The content key out of its RSA block, all six classes against each other. None may differ, the valid ones included.',
    verdict: unwrapping,
  },
  {
    title: 'Opening an envelope',
    text: [
      'Unwrapping, decryption and reading of the request. A valid envelope is a request that is read, and goes on to be answered as one: it differs',
      'by design. What an attacker compares are the four wrong paddings and `valid padding, garbage content`, and those may not differ.',
      'The last two classes have the right key and wrong content: they are about CBC padding, and are shown for what they are.',
    ].join('\n'),
    verdict: opening,
  },
  {
    title: 'A planted leak',
    text: 'The same as the first table with an unwrapper that does one HMAC more where the padding is wrong: the experiment must see it.',
    verdict: leaky,
  },
];
const command = `npm run timing${process.argv.length > 2 ? ` -- ${process.argv.slice(2).join(' ')}` : ''}`;
if (page === undefined) for (const part of parts) say(partText(part));
else writeFileSync(page, pageText(command, { ...describeMachine(), date: new Date().toISOString(), unwrapping: key }, parts));

const garbage = 'valid padding, garbage content';
const compared = [isAbout(...wrongPadding, garbage), isAbout(cutWellPadded, cutBadlyPadded)];
const differing = [...unwrapping.pairs, ...compared.flatMap((wanted) => opening.pairs.filter(wanted))].filter(({ isDifferent }) => isDifferent);
const isLeakSeen = leaky.pairs.some(({ left, right, isDifferent }) => left === 'valid' && right !== garbage && isDifferent);
for (const { left, right, difference } of differing) say(`timing: "${left}" and "${right}" differ by ${difference.toFixed(0)} ns`);
say(`timing: ${samples} measurements of the unwrapping, ${differing.length} differences, planted leak ${isLeakSeen ? 'seen' : 'NOT SEEN'}`);
process.exit(differing.length === 0 && isLeakSeen ? 0 : 1);
