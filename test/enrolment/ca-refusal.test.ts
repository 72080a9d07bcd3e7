import t from 'tap';
import { failInfoOf as cmpFailInfo } from '../../src/endpoints/cmp/translate.js';
import { failInfoOf as scepFailInfo } from '../../src/endpoints/scep/fail-info.js';
import { caRefusalOf } from '../../src/enrolment/ports.js';

/** Crypto Engine API v1's own table, which the codes of EJBCA and Vault share; what is not in it says no more than that the CA refused. */
const table = [
  ['policy-violation', 'ca-policy', 'badCertTemplate', 'badRequest'],
  ['validity-not-allowed', 'ca-policy', 'badCertTemplate', 'badRequest'],
  ['illegal-value', 'ca-policy', 'badCertTemplate', 'badRequest'],
  ['csr-invalid', 'ca-policy', 'badCertTemplate', 'badRequest'],
  ['duplicate-key', 'ca-duplicate', 'duplicateCertReq', 'badRequest'],
  ['duplicate-subject', 'ca-duplicate', 'duplicateCertReq', 'badRequest'],
  ['key-not-allowed', 'ca-key', 'badAlg', 'badAlg'],
  ['pop-failed', 'ca-proof', 'badPOP', 'badMessageCheck'],
] as const;

t.test('what a CA refuses for reaches the device as the failInfo of its protocol', async (t) => {
  for (const [word, code, cmp, scep] of table) {
    t.same(caRefusalOf(word), { code }, word);
    t.equal(cmpFailInfo[code], cmp, word);
    t.equal(scepFailInfo[code], scep, word);
  }
});

t.test('any other word says nothing more, also one that is a member of every object', async (t) => {
  for (const word of [undefined, '', 'refused', 'too-large', 'toString', '__proto__', 'constructor']) t.same(caRefusalOf(word), {}, String(word));
});
