import t from 'tap';
import { scepSnippets } from '../../src/admin/snippets/scep.js';
import { uuidv7 } from '../../src/runtime/ids.js';

const mobileconfig = (profileId: string, name = 'Plant'): string =>
  scepSnippets({ name, url: 'https://ra.example/scep/plant?a=1&b=2', profileId, challengeMode: 'static' }).find(({ client }) => client === 'apple')?.text ?? '';

const identitiesIn = (text: string): readonly string[] =>
  [...text.matchAll(/<key>Payload(?:UUID|Identifier)<\/key><string>([^<]+)</g)].map(([, value = '']) => value);

t.test('CT-04 a .mobileconfig is the same whenever it is shown, and no payload of it is taken for one of another profile', async (t) => {
  const [one, other] = [uuidv7(), uuidv7()];
  t.equal(mobileconfig(one), mobileconfig(one));
  const all = [...identitiesIn(mobileconfig(one)), ...identitiesIn(mobileconfig(other))];
  t.equal(all.length, 8);
  t.equal(new Set(all).size, 8);
  const uuids = all.filter((value) => !value.startsWith('gatehouse.'));
  t.equal(uuids.length, 4);
  for (const uuid of uuids) t.match(uuid, /^[0-9A-F]{8}-[0-9A-F]{4}-8[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}$/);
});

t.test('CT-04 names and addresses are escaped in a .mobileconfig', async (t) => {
  const text = mobileconfig(uuidv7(), '<Plant & "Co">');
  t.match(text, '&lt;Plant &amp; "Co"&gt;');
  t.match(text, 'plant?a=1&amp;b=2');
});
