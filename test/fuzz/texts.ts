import { decodeGetMessage, readQuery } from '../../src/endpoints/scep/query.js';
import { nameFromText, nameToText } from '../../src/pkix/index.js';
import type { Random } from '../support/random.js';
import type { Corpus } from './corpus.js';
import { must, type Target } from './target.js';

/** Header and query together may be 32 kB on the device port. */
const mostOctets = 32 * 1024;
const characters = [
  '=',
  '%',
  '+',
  '-',
  '_',
  '/',
  '&',
  ' ',
  'A',
  '\\',
  ',',
  '"',
  '\u0000',
  '\u00e9',
  '%2',
  '%25',
  '%00',
  '%0a',
  '%c3%28',
  '\\e2',
  'message=',
  'operation=',
];

/** Text with runs, cuts, repetitions and strangers put into it: what makes a pattern go back and forth. */
function mutateText(text: string, random: Random): string {
  let changed = text;
  for (let times = 1 + random.below(3); times > 0; times -= 1) {
    const at = random.below(changed.length + 1);
    const stranger = random.pick(characters).repeat(random.oneIn(4) ? random.below(mostOctets) : 1 + random.below(3));
    changed = random.oneIn(6) ? changed.slice(0, at) : changed.slice(0, at) + stranger + changed.slice(at + (random.oneIn(3) ? 1 : 0));
  }
  return changed.slice(0, mostOctets);
}

function textTarget(name: string, seeds: readonly string[], check: (text: string) => string): Target {
  return {
    name,
    weight: 3,
    make: (random) => ({ bytes: Buffer.from(mutateText(random.pick(seeds), random), 'utf8'), isVouched: false }),
    check: ({ bytes }) => check(bytes.toString('utf8')),
  };
}

/** What arrives as text: the query of a GET, and names as people type them. */
export function textTargets(corpus: Corpus): Target[] {
  const queries = corpus.scep.map(({ bytes }) => `operation=PKIOperation&message=${encodeURIComponent(bytes.toString('base64'))}`);
  const names = ['/C=DE/O=Fuzz+OU=x/CN=device-1.example', 'CN=a\\, b\\0a,O=x\\ ,2.5.4.3=#0c0161'];
  const readGet = (text: string): string => {
    const { operation, message } = readQuery(text);
    const decoded = message === undefined ? undefined : decodeGetMessage(message);
    return `${operation} ${decoded?.ok}`;
  };
  const readName = (text: string): string => {
    const name = nameFromText(text);
    if (name.ok) must(nameFromText(nameToText(name.value)).ok, 'the text of a name is not read back');
    return String(name.ok);
  };
  return [textTarget('scep-query', queries, readGet), textTarget('name-text', names, readName)];
}
