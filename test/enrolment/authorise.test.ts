import t from 'tap';
import { authorisations, authorise, credentialKinds } from '../../src/enrolment/authorise.js';
import { intents } from '../../src/enrolment/request.js';
import { protocols } from '../../src/tenancy/profile.js';

/** Everything that is allowed, as a reviewer would write it down; whatever is not here must be refused. */
const allowed = new Map([
  ['scep initial challenge', 'enrolment'],
  ['scep initial issued', 'renewal'],
  ['scep initial anchored', 'renewal'],
  ['scep renewal issued', 'renewal'],
  ['scep renewal anchored', 'renewal'],
  ['cmp initial secret', 'enrolment'],
  ['cmp initial issued', 'enrolment'],
  ['cmp initial vendor', 'enrolment'],
  ['cmp initial authority', 'enrolment'],
  ['cmp additional authority', 'enrolment'],
  ['cmp additional secret', 'enrolment'],
  ['cmp additional issued', 'enrolment'],
  ['cmp renewal issued', 'renewal'],
  ['cmp renewal anchored', 'renewal'],
]);

t.test('SCEP-104 AB-01 CMP-112 CMP-114 every combination of protocol, intent and credential is refused unless listed', async (t) => {
  let combinations = 0;
  for (const protocol of protocols) {
    for (const intent of intents) {
      for (const kind of credentialKinds) {
        combinations += 1;
        t.equal(authorise(protocol, intent, kind), allowed.get(`${protocol} ${intent} ${kind}`) ?? 'refused', `${protocol} ${intent} ${kind}`);
      }
    }
  }
  t.equal(combinations, protocols.length * intents.length * credentialKinds.length);
  t.same(Object.keys(authorisations), [...protocols]);
});
