import { readFileSync } from 'node:fs';
import t from 'tap';
import { decodeRequest } from '../../src/protocol/scep/index.js';
import { loadCorpus } from '../fuzz/corpus.js';
import { loadWorld } from '../fuzz/world.js';
import { compare, type Finding, ourReader, type Reader } from './compare.js';
import { exceptionOf } from './exceptions.js';
import { createMutants } from './mutants.js';
import { hasPython, libcryptoOracle, type Oracle } from './oracle.js';

const skip = !hasPython() && 'python3 is not installed';
const make = createMutants(loadCorpus(), loadWorld());

async function campaign(read: Reader, messages: number, oracle: Oracle) {
  const findings: Finding[] = [];
  const tally = await compare({ seed: 4711, messages, make, read, oracle, found: (finding) => findings.push(finding), progress: () => undefined });
  return { tally, findings };
}

t.test('SCEP-051 SCEP-052 nothing is accepted that OpenSSL refuses, but for what is listed', { skip }, async (t) => {
  const oracle = await libcryptoOracle();
  const { tally, findings } = await campaign(ourReader, 800, oracle);
  oracle.close();
  t.same(
    findings.map(({ index, reason }) => `${index} ${reason}`),
    [],
  );
  t.ok(tally.both > 50, `${tally.both} accepted by both`);
  t.ok(tally.neither > 50, `${tally.neither} refused by both`);
});

t.test('a reader that forgets to verify is found', { skip }, async (t) => {
  const oracle = await libcryptoOracle();
  const { findings } = await campaign(decodeRequest, 200, oracle);
  oracle.close();
  t.ok(findings.length > 5, `${findings.length} findings`);
});

t.test('an unread attribute that OpenSSL writes anew before it verifies is an exception by its name', { skip }, async (t) => {
  const oracle = await libcryptoOracle();
  t.teardown(() => oracle.close());
  const message = readFileSync(new URL('../../fixtures/differential/padded-bits.mutant', import.meta.url));
  const request = ourReader(message);
  if (!request.ok) return t.fail(request.error.detail);
  t.notOk((await oracle.verify(message)).isAccepted);
  t.equal(await exceptionOf(message, request.value, oracle), 'attribute');
});
