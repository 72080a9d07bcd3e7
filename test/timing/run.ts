/**
 * The timing experiment: can the duration of unwrapping tell good RSA padding from bad?
 *   node --import tsx test/timing/run.ts [--short] [--samples N] [--only unwrapping|opening|leak] [--page FILE]
 * Exit code 1 when classes differ that must not, or when the planted leak is not seen.
 */
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
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
import { judge, type PairChoice, type Verdict } from './verdict.js';

await runCompiled('test/timing/run');

const { values } = parseArgs({
  options: { short: { type: 'boolean', default: false }, samples: { type: 'string' }, only: { type: 'string' }, page: { type: 'string' } },
});
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

async function judged(name: string, classes: Readonly<Record<string, Maker>>, total: number, choice?: PairChoice): Promise<Verdict> {
  const perClass = Math.ceil(total / Object.keys(classes).length);
  const start = Date.now();
  let told = start;
  const taken = await measure(classes, perClass, (done) => {
    if (Date.now() - told < 10_000) return;
    told = Date.now();
    say(`timing: ${name}, ${done} measurements, ${Math.round((told - start) / 1000)} s`);
  });
  return judge(taken, choice);
}

const isAbout =
  (...names: readonly string[]): PairChoice =>
  ({ left, right }) =>
    names.includes(left) && names.includes(right);

const subject = createSubject();
const garbage = 'valid padding, garbage content';
const attacks = [isAbout(...wrongPadding, garbage), isAbout(cutWellPadded, cutBadlyPadded)];
const leak: PairChoice = ({ left, right }) => left === 'valid' && right !== garbage;

interface Experiment {
  readonly title: string;
  readonly text: string;
  run(): Promise<Verdict>;
  /** The last experiment plants a leak, which must be seen. */
  readonly mustDiffer: boolean;
}

const experiments: Readonly<Record<string, Experiment>> = {
  unwrapping: {
    title: 'Unwrapping',
    text: 'The content key out of its RSA block, all six classes against each other. None may differ, the valid ones included.',
    run: () => judged('unwrapping', unwrapClasses(subject), samples),
    mustDiffer: false,
  },
  opening: {
    title: 'Opening an envelope',
    text: [
      'Unwrapping, decryption and reading of the request. A valid envelope is a request that is read, and goes on to be answered as one: it differs',
      'by design. An attack on the RSA padding compares the four wrong paddings and `valid padding, garbage content`; one on the CBC padding compares',
      'the last two classes, the beginning of a captured envelope with a block of the attacker behind it, well padded or not. These are judged.',
      'In the two classes before them a reader stops at other places, which takes it microseconds more or less, whatever the padding.',
    ].join('\n'),
    run: () => judged('opening', openClasses(subject), Math.ceil(samples / 2), (pair) => attacks.some((attack) => attack(pair))),
    mustDiffer: false,
  },
  leak: {
    title: 'A planted leak',
    text: 'The same as the first table with an unwrapper that does one HMAC more where the padding is wrong: the experiment must see it.',
    run: () => judged('planted leak', unwrapClasses({ ...subject, unwrapper: leakyUnwrapper(subject.unwrapper) }), Math.ceil(samples / 20), leak),
    mustDiffer: true,
  },
};

function madeText(): string {
  const { processor, memory, load, node } = describeMachine();
  const key = hasImplicitRejection(subject.privateKey) ? 'native decryption with implicit rejection' : 'raw RSA, the padding removed by our code';
  const command = `npm run timing${process.argv.length > 2 ? ` -- ${process.argv.slice(2).join(' ')}` : ''}`;
  return `Measured ${new Date().toISOString()} by \`${command}\` on ${processor}, ${memory}, load ${load}, Node ${node}: ${key}.`;
}

const parts: Part[] = [];
let broken = 0;
for (const [name, experiment] of Object.entries(experiments)) {
  if (values.only !== undefined && values.only !== name) continue;
  const verdict = await experiment.run();
  parts.push({ ...experiment, verdict, made: madeText() });
  const different = verdict.pairs.filter(({ isDifferent }) => isDifferent);
  if (experiment.mustDiffer ? different.length === 0 : different.length > 0) broken += 1;
  if (!experiment.mustDiffer)
    for (const { left, right, difference } of different) say(`timing: "${left}" and "${right}" differ by ${difference.toFixed(0)} ns`);
  say(`timing: ${name}, ${verdict.classes.reduce((sum, { count }) => sum + count, 0)} measurements, ${different.length} judged pairs differ`);
}
if (parts.length === 0) throw new Error(`--only takes one of ${Object.keys(experiments).join(', ')}.`);
const titles = Object.values(experiments).map(({ title }) => title);
if (page === undefined) for (const part of parts) say(partText(part));
else writeFileSync(page, pageText(parts, titles, existsSync(page) ? readFileSync(page, 'utf8') : ''));
say(`timing: ${broken === 0 ? 'passed' : 'FAILED'}`);
process.exit(broken === 0 ? 0 : 1);
