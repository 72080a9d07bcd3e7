import { parseCertificate, parseName } from '../../src/pkix/index.js';
import { mutate } from '../support/mutate.js';
import type { Corpus } from './corpus.js';
import type { Target } from './target.js';

/** A reader that forgets that a list may be empty: it must be found as a crash. */
function planted(corpus: Corpus): Target {
  return {
    name: 'planted-crash',
    weight: 20,
    make: (random) => ({ bytes: mutate(random.pick(corpus.certificate), random, corpus.certificate), isVouched: false }),
    check: ({ bytes }) => {
      const certificate = parseCertificate(bytes);
      if (!certificate.ok) return 'refused';
      const [first] = certificate.value.subject.rdns;
      return `ok ${(first as { readonly length: number }).length}`;
    },
  };
}

/** A reader that compares all with all: it must be found as slow. */
function plantedSlow(corpus: Corpus): Target {
  return {
    name: 'planted-slow',
    weight: 20,
    make: (random) => ({ bytes: mutate(random.pick(corpus.name), random, corpus.name), isVouched: false }),
    check: ({ bytes }) => {
      const name = parseName(bytes);
      if (!name.ok) return 'refused';
      const { rdns } = name.value;
      let same = 0;
      for (const left of rdns) for (const right of rdns) if (left[0]?.text.toLowerCase() === right[0]?.text.toLowerCase()) same += 1;
      return `ok ${same > rdns.length}`;
    },
  };
}

/** Bugs that show whether the fuzzer sees anything. */
export function plantedTargets(corpus: Corpus): Target[] {
  return [planted(corpus), plantedSlow(corpus)];
}
